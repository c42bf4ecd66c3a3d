from __future__ import annotations

from pathlib import Path

from rsqa_core.datasets.layout import Layout, read_layout


def folder(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def reasons(layout: Layout) -> dict[str, str]:
    return {entry.name: entry.reason for entry in layout.left_out}


def test_masks_candidates_and_probabilities_find_their_image_by_stem(tmp_path: Path) -> None:
    layout = read_layout(
        folder(
            tmp_path,
            "images/a.jpg",
            "images/b.tif",
            "masks/a.png",
            "Labels/b.tif",
            "candidates/unet/a.png",
            "candidates/unet/a.npz",
            "predictions/segformer/a.png",
        )
    )
    a, b = layout.images
    assert (a.key, a.mask) == ("a", tmp_path / "masks/a.png")
    assert list(a.candidates) == ["segformer", "unet"]
    assert a.probs == {"unet": tmp_path / "candidates/unet/a.npz"}
    assert (b.mask, b.candidates) == (tmp_path / "Labels/b.tif", {})
    assert layout.left_out == ()


def test_role_folders_count_at_any_depth(tmp_path: Path) -> None:
    layout = read_layout(
        folder(
            tmp_path,
            "Tile 1/images/p.jpg",
            "Tile 1/masks/p.png",
            "Tile 2/images/p.jpg",
            "Tile 2/candidates/net/p.png",
        )
    )
    assert [(i.key, i.mask is not None, list(i.candidates)) for i in layout.images] == [
        ("Tile 1/p", True, []),
        ("Tile 2/p", False, ["net"]),
    ]


def test_without_an_images_folder_every_raster_is_an_image(tmp_path: Path) -> None:
    layout = read_layout(folder(tmp_path, "a.tif", "deep/er/b.png", "masks/a.png"))
    assert [i.key for i in layout.images] == ["a", "deep/er/b"]
    assert layout.images[0].mask is not None


def test_with_one_the_rasters_outside_are_left_out(tmp_path: Path) -> None:
    layout = read_layout(folder(tmp_path, "images/a.tif", "extra/b.tif"))
    assert [i.key for i in layout.images] == ["a"]
    assert reasons(layout) == {"extra/b.tif": "it is not in the folder images/"}


def test_clutter_and_sidecars_are_passed_over_and_other_types_listed(tmp_path: Path) -> None:
    layout = read_layout(
        folder(
            tmp_path,
            "images/a.tif",
            "images/a.tif.aux.xml",
            "images/a.tfw",
            "images/.hidden.png",
            "images/Thumbs.db",
            ".cache/x.png",
            "__MACOSX/images/._a.tif",
            "palette.json",
            "manifest.csv",
            "README.md",
            "SHA256SUMS",
            "labels/shapes.geojson",
            "images/scan.jp2",
        )
    )
    assert [i.key for i in layout.images] == ["a"]
    assert list(reasons(layout)) == ["images/scan.jp2", "labels/shapes.geojson"]
    assert ".jp2 is not supported" in reasons(layout)["images/scan.jp2"]


def test_parts_without_a_whole_are_listed(tmp_path: Path) -> None:
    found = reasons(
        read_layout(
            folder(
                tmp_path,
                "images/a.png",
                "masks/b.png",
                "candidates/net/c.png",
                "candidates/net/a.npz",
                "candidates/a.png",
                "masks/a.npz",
            )
        )
    )
    assert found["masks/b.png"] == "no image is called b"
    assert found["candidates/net/c.png"] == "no image is called c"
    assert found["candidates/net/a.npz"] == "no mask a.png lies beside it"
    assert "candidates/<segmenter>/" in found["candidates/a.png"]
    assert "beside a candidate mask" in found["masks/a.npz"]


def test_two_files_for_one_part_are_not_chosen_between_in_silence(tmp_path: Path) -> None:
    layout = read_layout(
        folder(tmp_path, "images/a.jpg", "images/a.tif", "masks/a.png", "gt/a.png")
    )
    assert [i.name for i in layout.images] == ["images/a.jpg"]
    assert set(reasons(layout)) == {"images/a.tif", "masks/a.png"}
    assert "images/a.jpg has the same name" in reasons(layout)["images/a.tif"]


def test_links_out_of_the_folder_are_left_out(tmp_path: Path) -> None:
    folder(tmp_path / "outside", "secret.png", "more/s.png")
    root = folder(tmp_path / "root", "images/a.png")
    (root / "images/inside.png").symlink_to(root / "images/a.png")
    (root / "images/link.png").symlink_to(tmp_path / "outside/secret.png")
    (root / "images/folder").symlink_to(tmp_path / "outside/more")
    layout = read_layout(root)
    assert [i.key for i in layout.images] == ["a", "inside"]
    assert "link out of the folder" in reasons(layout)["images/link.png"]
    assert "link to a folder" in reasons(layout)["images/folder"]


def test_names_that_would_upset_a_terminal_are_escaped(tmp_path: Path) -> None:
    layout = read_layout(folder(tmp_path, "images/a\x1b[31m.xyz"))
    assert list(reasons(layout)) == ["images/a\\x1b[31m.xyz"]


def test_names_kept_for_degraded_masks_are_refused(tmp_path: Path) -> None:
    layout = read_layout(
        folder(
            tmp_path,
            "images/a.png",
            "candidates/synthetic-1/a.png",
            "candidates/Synthetic-own/a.png",
            "candidates/synthetics/a.png",
        )
    )
    assert list(layout.images[0].candidates) == ["synthetics"]
    assert reasons(layout).keys() == {
        "candidates/synthetic-1/a.png",
        "candidates/Synthetic-own/a.png",
    }
    assert all("rename its folder" in reason for reason in reasons(layout).values())
