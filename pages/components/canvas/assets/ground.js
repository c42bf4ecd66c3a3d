// Where on the globe a place of a georeferenced image lies, and how long a distance is there.

const EARTH_RADIUS_M = 6_371_008.8;
const LONGEST_PX = 120;

/** (longitude, latitude) at fractions (u, v) of an image, between its corners as the server gives them. */
export function placeAt(corners, u, v) {
  const [topLeft, topRight, bottomRight, bottomLeft] = corners;
  return [0, 1].map(
    (axis) =>
      (1 - v) * ((1 - u) * topLeft[axis] + u * topRight[axis]) +
      v * ((1 - u) * bottomLeft[axis] + u * bottomRight[axis]),
  );
}

/** Metres that an image pixel is wide on the ground, half-way down the image. */
export function metresPerPixel(corners, width) {
  return distance(placeAt(corners, 0, 0.5), placeAt(corners, 1, 0.5)) / width;
}

/** The longest round length that fits: {px, text}. */
export function scaleBar(metresPerScreenPx) {
  const longest = metresPerScreenPx * LONGEST_PX;
  const power = 10 ** Math.floor(Math.log10(longest));
  const metres = [5, 2, 1].map((step) => step * power).find((length) => length <= longest) ?? power;
  return { px: metres / metresPerScreenPx, text: lengthText(metres) };
}

export function placeText([longitude, latitude]) {
  const east = `${Math.abs(longitude).toFixed(5)}° ${longitude < 0 ? "W" : "E"}`;
  return `${Math.abs(latitude).toFixed(5)}° ${latitude < 0 ? "S" : "N"}, ${east}`;
}

function lengthText(metres) {
  const tidy = (value) => String(Number(value.toPrecision(3)));
  if (metres >= 1000) return `${tidy(metres / 1000)} km`;
  return metres >= 1 ? `${tidy(metres)} m` : `${tidy(metres * 100)} cm`;
}

function distance([lon1, lat1], [lon2, lat2]) {
  const radians = (degrees) => (degrees * Math.PI) / 180;
  const [a, b] = [radians(lat1), radians(lat2)];
  const half = Math.sin((b - a) / 2) ** 2 + Math.cos(a) * Math.cos(b) * Math.sin(radians(lon2 - lon1) / 2) ** 2;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(half));
}
