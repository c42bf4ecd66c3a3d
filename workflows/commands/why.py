"""``rsqa why``: what a score rests on."""

from __future__ import annotations

from typing import Any

import click

from rsqa_core.records import EXPLAIN_METHODS

_EXAMPLES = """\b
Examples:
  rsqa why --project dubai --image image_part_001_tile7
  rsqa why --project dubai --image image_part_001_tile7 --segmenter unet --method occlusion
"""

_NAMES = {
    "semantic": "what the encoder sees",
    "segmentation": "the segmenter's confidence",
    "disagreement": "agreement with the others",
    "shape": "shape, fit to the picture",
    "habit": "habit of this segmenter",
    "labels": "learnt from your labels",
}
_WIDTH = 8  # cells a line of the map; the head looks at 8 x 8


@click.command(epilog=_EXAMPLES)
@click.option("--project", "slug", required=True, metavar="P", help="Short name of the project.")
@click.option("--image", "name", required=True, metavar="NAME", help="Name of the image.")
@click.option(
    "--segmenter", metavar="S", help="Whose candidate; default: the best predicted of the image."
)
@click.option(
    "--method",
    type=click.Choice(EXPLAIN_METHODS),
    default=EXPLAIN_METHODS[0],
    show_default=True,
    help="How to find which places carry the score.",
)
def command(slug: str, name: str, segmenter: str | None, method: str) -> None:
    """Say why a candidate has its predicted quality, by the current head.

    What each kind of evidence adds, in percentage points; a map of 8 x 8 cells with what each adds,
    checked by taking cells away; and the labelled candidates that look most like this one.
    """
    from workflows.explaining import explain_candidate, find_candidate
    from workflows.opening import open_installation

    installation = open_installation()
    candidate = find_candidate(installation, slug, name, segmenter)
    found = explain_candidate(installation, candidate.id, method)
    click.echo(f"{found['segmenter']} on {found['image']}, by {found['head_id']}")
    click.echo()
    for line in _shares(found):
        click.echo(line)
    click.echo(f"\nWhat each place adds, in hundredths of a point ({method}):")
    for start in range(0, len(found["cells"]), _WIDTH):
        row = found["cells"][start : start + _WIDTH]
        click.echo(" ".join(f"{value * 10_000:+5.0f}" for value in row))
    click.echo()
    for line in _deletion(found["deletion"]):
        click.echo(line)
    click.echo("\nLabelled candidates most like it:")
    for one in found["examples"]:
        click.echo(
            f"  {one['label']:7.1%} label, {one['likeness']:4.0%} alike: {one['segmenter']} on "
            f"{one['image']}"
        )
    if not found["examples"]:
        click.echo("  none: no other image of the project has a label yet")


def _shares(found: dict[str, Any]) -> list[str]:
    rows = [("nothing known", f"{found['base']:.1%}")]
    rows += [(_NAMES[one["key"]], f"{one['value'] * 100:+.1f}") for one in found["shares"]]
    rows += [("predicted quality", f"{found['score']:.1%}")]
    return [f"{name:26} {value:>8}" for name, value in rows]


def _deletion(deletion: dict[str, Any]) -> list[str]:
    lines = [
        f"Without the {one['share']:.0%} that add most, the score {_moves(one['by_map'])}; without "
        f"as many at random, it {_moves(one['by_chance'])}."
        for one in deletion["falls"]
    ]
    faith = deletion["faithfulness"]
    if faith is None:
        return [*lines, "No place makes a difference, so the map says nothing."]
    return [
        *lines,
        f"Of what the best order shows beyond chance, the map has {faith:.0%}.",
    ]


def _moves(fall: float) -> str:
    return f"{'falls' if fall >= 0 else 'rises'} by {abs(fall) * 100:.1f} points"
