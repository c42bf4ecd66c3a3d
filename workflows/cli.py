"""The ``rsqa`` command: one subcommand per workflow, each loaded only when it is called."""

from __future__ import annotations

import importlib
import os
import sys

import click

import rsqa_core
from rsqa_core.errors import CancelledError, RsqaError
from workflows.process_settings import keep_freed_memory, rest_while_waiting

COMMANDS: dict[str, tuple[str, str]] = {
    "import": ("workflows.commands.importing", "Import a folder of images and masks."),
    "samples": ("workflows.commands.samples", "List or fetch the sample data sets."),
    "demo": ("workflows.commands.demo", "Prepare the demo project."),
    "train-segmenter": ("workflows.commands.train_segmenter", "Train one of the segmenters."),
    "encoders": ("workflows.commands.encoders", "List or fetch the image encoders."),
    "pretrain": ("workflows.commands.pretrain", "Pre-train an encoder on images and captions."),
    "train-head": ("workflows.commands.train_head", "Train the base quality head."),
    "build-sqed": ("workflows.commands.build_sqed", "Build a cross-fitted evaluation data set."),
    "segment": ("workflows.commands.segment", "Make candidates with the live segmenters."),
    "degrade": ("workflows.commands.degrade", "Add degraded masks of known quality to learn from."),
    "score": ("workflows.commands.score", "Predict the quality of a project's candidates."),
    "evaluate": ("workflows.commands.evaluate", "Compare predictions with reference masks."),
    "slice": ("workflows.commands.slice", "Draw images at random, and say what they tell of all."),
    "accept": ("workflows.commands.accept", "Accept what is predicted well, after a spot check."),
    "areas": ("workflows.commands.areas", "Survey areas and accuracy of the map by points."),
    "retrain": ("workflows.commands.retrain", "Train a new head from the reviewers' verdicts."),
    "export": ("workflows.commands.export", "Write candidates, scores and verdicts to a file."),
    "report": ("workflows.commands.report", "Write a report as PDF or HTML."),
    "present": ("workflows.commands.present", "Write slides for an audience as HTML or PDF."),
    "errors": ("workflows.commands.errors", "Write where candidates are probably wrong."),
    "why": ("workflows.commands.why", "Say why a candidate has its predicted quality."),
    "backup": ("workflows.commands.backup", "Copy the database while it is in use."),
    "restore": ("workflows.commands.restore", "Put a copy of the database in its place again."),
    "serve": ("workflows.commands.serve", "Open the app."),
}
"""Name of each command: the module whose ``command`` it is, and its one-line help."""


class LazyGroup(click.Group):
    """A group whose subcommands are imported on use, so that ``rsqa --help`` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(rsqa_core.__version__, prog_name="rsqa")
@click.pass_context
def rsqa(ctx: click.Context) -> None:
    """Predict how good segmentations of remote-sensing images are, without reference masks.

    Files and database live in var/ beside app.py, or where RSQA_HOME points.
    """
    if ctx.invoked_subcommand != "serve":  # it lives long; its jobs keep their own
        keep_freed_memory()


def main() -> None:
    """Run ``rsqa``; exit 0 on success, 1 on an error, 2 on wrong usage, 130 when interrupted."""
    rest_while_waiting(os.environ)
    try:
        rsqa(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt, CancelledError):
        click.echo(
            "Stopped. What was finished is kept; the same command goes on from there.", err=True
        )
        sys.exit(130)
    except RsqaError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
