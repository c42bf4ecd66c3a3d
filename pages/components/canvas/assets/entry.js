// A score being typed or set: "7" means 70 %, "78" 78 %, "07" 7 %, "100" 100 %.

export class ScoreEntry {
  constructor() {
    this.clear();
  }

  clear() {
    this.text = "";
    this.slider = null; // whole percent set with the mouse
  }

  get active() {
    return this.text !== "" || this.slider !== null;
  }

  /** Whole percent 0..100, or null while nothing is entered. */
  get percent() {
    if (this.slider !== null) return this.slider;
    if (this.text === "") return null;
    return this.text.length === 1 ? Number(this.text) * 10 : Number(this.text);
  }

  /** Add a digit; false when it would make no score. */
  type(digit) {
    if (this.slider !== null) {
      this.slider = null;
      this.text = "";
    }
    const text = this.text + digit;
    if (text.length > 3 || (text.length === 3 && text !== "100")) return false;
    this.text = text;
    return true;
  }

  /** Take the last digit back. */
  erase() {
    if (this.slider !== null) this.slider = null;
    else this.text = this.text.slice(0, -1);
  }

  slideTo(percent) {
    this.text = "";
    this.slider = percent;
  }

  /** What has been typed, with the place of the digit that may still come. */
  get typed() {
    if (this.slider !== null) return String(this.slider);
    return this.text.length === 1 ? `${this.text}_` : this.text;
  }
}
