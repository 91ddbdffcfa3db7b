"""The API: every endpoint with its parameters, and who answers it."""

from __future__ import annotations

from analysis.pipeline.passes import DECODED_TABLES
from analysis.tables.schema import TABLES
from analysis.web import answers, judgements, notes, words
from analysis.web.endpoints import Endpoint, Parameter
from analysis.web.follow import follow
from analysis.web.network import network
from analysis.web.times import timeline

__all__ = ["ENDPOINTS"]

MOST_ROWS, FAR = 1000, 1 << 40
AFTER = "milliseconds after the first frame"
CAPTURE = Parameter("capture", "id of the capture (/api/captures lists them); the first by default")
WHERE = Parameter("where", "filter, in the language of docs/filters.md", default="")
OFFSET = Parameter("offset", "rows before the first one given", "integer", 0, 0)
LIMIT = Parameter("limit", "rows given, at most", "integer", 100, 0, MOST_ROWS)
COLUMNS = Parameter("columns", "names of columns, with commas between; all by default", default="")
TABLE = Parameter("table", "whose rows are filtered", default="packets", choices=tuple(TABLES))
NUMBER = Parameter("number", "its number, from 1", "integer", None, 1, 1 << 40, place="path", required=True)
PAGE = "some rows, and how many there are; `complete` is false while the capture is still being decoded"

ENDPOINTS = (
    Endpoint("GET", "/api/captures", "The captures that are offered",
             lambda held, given: {"schema": 1, "captures": held.listed()}),
    Endpoint("DELETE", "/api/captures/{number}", "Close a capture; one that was dropped is removed", answers.remove,
             (Parameter("number", "its id", place="path", required=True),)),
    Endpoint("GET", "/api/list", "The packet list: rows as arrays", answers.packet_list,
             (CAPTURE, WHERE, OFFSET, LIMIT,
              Parameter("frame", "say at which row this frame is", "integer", None, 1, 1 << 40)), dear=True, answer=PAGE),
    *(
        Endpoint("GET", f"/api/{table}", f"The table of {table}", answers.table_page(table),
                 (CAPTURE, WHERE, OFFSET, LIMIT, COLUMNS), dear=True, answer=PAGE)
        for table in DECODED_TABLES if table != "keys"
    ),
    Endpoint("GET", "/api/frames/{number}", "A frame as a tree with its octets and messages", answers.frame,
             (NUMBER, CAPTURE), dear=True, answer="as `hanscope show --json`"),
    Endpoint("GET", "/api/messages/{number}", "A message as a tree", answers.message, (NUMBER, CAPTURE), dear=True,
             answer="as `hanscope message --json`"),
    Endpoint("GET", "/api/follow", "The ladder of what a filter chooses", follow,
             (CAPTURE, WHERE, Parameter("exchange", "only this one, and what is part of it", "integer", None, 0, 1 << 40),
              Parameter("message", "only the frames of this message", "integer", None, 0, 1 << 40),
              Parameter("most", "frames that are drawn", "integer", 500, 1, 2000)), dear=True,
             answer="as `hanscope follow --json`"),
    Endpoint("GET", "/api/findings", "Findings and incidents", judgements.findings, (CAPTURE,),
             answer="as `hanscope check --json`; `state` is running or ready"),
    Endpoint("GET", "/api/why", "The steps of every device, and the first that failed", judgements.why, (CAPTURE,),
             dear=True, answer="as `hanscope why --json`; `state` is running or ready"),
    Endpoint("GET", "/api/report", "The report, a page of HTML", judgements.report, (CAPTURE,), dear=True,
             answer="as `hanscope report` writes it", media="text/html", later="it is being written: ask again"),
    Endpoint("GET", "/api/diff", "Where another capture parts from this one", judgements.diff,
             (CAPTURE, Parameter("with", "id of the other capture, the faulty one", required=True)), dear=True,
             answer="as `hanscope diff --json`; `state` is running or ready"),
    Endpoint("GET", "/api/timeline", "How many frames there are in each span of time", timeline,
             (CAPTURE, WHERE, Parameter("bins", "spans", "integer", 200, 1, 2000),
              Parameter("begin", f"first moment: {AFTER}", "integer", 0, 0, FAR),
              Parameter("end", f"last moment: {AFTER}; that of the capture by default", "integer", None, 1, FAR)),
             dear=True, answer="frames in each span of `step` milliseconds: `all`, `chosen`, with `trouble`"),
    Endpoint("GET", "/api/network", "Who is there at a moment, and who spoke to whom just before", network,
             (CAPTURE, WHERE, Parameter("at", f"the moment: {AFTER}; the end by default", "integer", None, 0, FAR),
              Parameter("span", "milliseconds before it in which hops are counted", "integer", 60_000, 1, FAR)),
             dear=True, answer="`nodes`, and `links` between them by their places; `to` is null for what is said to all"),
    Endpoint("GET", "/api/notes", "Notes about frames", notes.notes, (CAPTURE,), dear=True,
             answer="comments that the capture brings, and what was written here (`own`)"),
    Endpoint("POST", "/api/notes/{number}", "Write a note about a frame; an empty one takes it back", notes.note,
             (NUMBER, CAPTURE), dear=True, body="text"),
    Endpoint("GET", "/api/keys", "Keys held, learnt and needed; never the keys themselves", answers.keys, (CAPTURE,),
             answer="as `hanscope keys --json`"),
    Endpoint("GET", "/api/fields", "Names that a filter knows", words.fields,
             (Parameter("word", "only names, units and meanings that it is in", default=""),)),
    Endpoint("GET", "/api/filter", "Whether a text is a filter", words.try_filter,
             (WHERE._replace(required=True), TABLE)),
    Endpoint("GET", "/api/complete", "What may stand at the caret of a filter", words.complete,
             (WHERE, TABLE, CAPTURE, Parameter("at", "place of the caret", "integer", None, 0, 10_000))),
    Endpoint("POST", "/api/message", "Messages that are pasted, as trees", words.paste,
             (Parameter("kind", "what it is", default="auto", choices=("auto", "gbcs", "dlms", "frame")),),
             dear=True, body="text"),
)  # fmt: skip
"""All but those of `analysis.web.server`, which take or give files."""
