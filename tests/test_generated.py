"""The tables that the book makes from runs and records."""

import json

import pytest
from _ext import generated
from myst_parser.parsers.docutils_ import Parser
from sphinx.errors import SphinxError  # noqa: F401
