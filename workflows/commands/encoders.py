"""``rsqa encoders``: the image encoders that a head can build on."""

from __future__ import annotations

import click

_EXAMPLES = """\b
Examples:
  rsqa encoders list
  rsqa encoders list --open-clip
  rsqa encoders fetch remoteclip-vit-l-14
  rsqa encoders fetch ViT-B-32:openai
  RSQA_MODEL_HUB=https://mirror.example rsqa encoders fetch rs-m-clip     from a mirror
"""


@click.group(epilog=_EXAMPLES)
def command() -> None:
    """List or fetch the image encoders."""


@command.command("list")
@click.option("--open-clip", is_flag=True, help="List open_clip's pretrained weights instead.")
def list_command(open_clip: bool) -> None:
    """Show each encoder: length of its vectors, text tower, download, licence, here or not."""
    from rsqa_core.settings import read_settings
    from workflows.encoders import list_encoders

    rows = [("encoder", "dim", "text", "download", "activation", "licence", "here")]
    found = list_encoders(read_settings(), open_clip=open_clip)
    for spec, here in found:
        activation = {None: "", True: "QuickGELU", False: "GELU"}[spec.quick_gelu]
        doubt = "" if spec.activation_basis == "stated" else f", {spec.activation_basis}"
        size = f"~{spec.about_mb:,} MB" if spec.about_mb else "unknown"
        rows.append(
            (
                spec.id,
                str(spec.dim),
                "yes" if spec.has_text else "no",
                size if spec.files else "none",
                f"{activation}{doubt}",
                spec.licence,
                "yes" if here else "no",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())
    if not open_clip:
        for spec, _ in found:
            if spec.note:
                click.echo(f"{spec.id}: {spec.note}")
        click.echo(
            "Also: open_clip's as ARCHITECTURE:TAG (rsqa encoders list --open-clip), your own "
            "weights as ID:FILE or ARCHITECTURE:FILE."
        )


@command.command("fetch", epilog=_EXAMPLES)
@click.argument("name")
def fetch_command(name: str) -> None:
    """Download the encoder NAME, check that every key fits, and keep it as safetensors.

    An interrupted download goes on where it stopped; what is here already is not fetched again.
    """
    from rsqa_core.settings import read_settings
    from workflows.commands.progress import ProgressBar
    from workflows.encoders import fetch_encoder

    with ProgressBar() as progress:
        fingerprint, folder = fetch_encoder(name, read_settings(), progress=progress)
    click.echo(
        f"The encoder {name!r} is in {folder}, fingerprint {fingerprint[:12]}. "
        f"Next: rsqa train-head --project P --encoder {name}"
    )
