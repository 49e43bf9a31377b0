"""The feed's endpoint before Headwater, in Python: what the suite `feed` of headwater-bench compares with.

/sequential   as document 002 found it: fifteen queries one after the other, and more for each row of some of them
/concurrent   as document 002 planned it: the fifteen at once, then what they refer to in a few more; /concurrent/stream in three groups
/single       as document 000 planned it: one query on platform_feed_events; /single/stream

None of them caches. Written plainly, as an application would be: FastAPI, asyncpg with prepared statements, uvicorn with uvloop.
"""

import asyncio
import ctypes
import json
import os
import signal
import socket
from contextlib import asynccontextmanager
from datetime import datetime, timezone

import asyncpg
import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse, StreamingResponse

# The newest rows of each source, before the cursor: type, the time that they are sorted by, the query.
SOURCES = {
    "world_created": ("created_at", "SELECT * FROM platform_worlds WHERE created_at < $1 ORDER BY created_at DESC LIMIT $2"),
    "agent_registered": ("created_at", "SELECT * FROM platform_agents WHERE created_at < $1 ORDER BY created_at DESC LIMIT $2"),
    "proposal_submitted": ("submitted_at", "SELECT * FROM platform_proposals WHERE submitted_at < $1 ORDER BY submitted_at DESC LIMIT $2"),
    "story_created": ("created_at", "SELECT * FROM platform_stories WHERE created_at < $1 ORDER BY created_at DESC LIMIT $2"),
    "aspect_proposed": ("created_at", "SELECT * FROM platform_aspects WHERE created_at < $1 ORDER BY created_at DESC LIMIT $2"),
    "dweller_created": ("created_at", "SELECT * FROM platform_dwellers WHERE created_at < $1 ORDER BY created_at DESC LIMIT $2"),
    "proposal_validated": ("created_at", "SELECT * FROM platform_proposal_validations WHERE created_at < $1 ORDER BY created_at DESC LIMIT $2"),
    "story_revised": ("created_at", "SELECT * FROM platform_story_revisions WHERE created_at < $1 ORDER BY created_at DESC LIMIT $2"),
    "dweller_action": ("created_at", "SELECT * FROM platform_dweller_actions WHERE created_at < $1 ORDER BY created_at DESC LIMIT $2"),
    "review_submitted": ("created_at", "SELECT * FROM platform_reviews WHERE created_at < $1 ORDER BY created_at DESC LIMIT $2"),
    "story_reviewed": ("created_at", "SELECT * FROM platform_story_reviews WHERE created_at < $1 ORDER BY created_at DESC LIMIT $2"),
    "feedback_resolved": ("resolved_at", "SELECT * FROM platform_feedback_items WHERE resolved_at < $1 ORDER BY resolved_at DESC LIMIT $2"),
    "proposal_revised": ("created_at", "SELECT * FROM platform_proposal_revisions WHERE created_at < $1 ORDER BY created_at DESC LIMIT $2"),
    "aspect_revised": ("created_at", "SELECT * FROM platform_aspect_revisions WHERE created_at < $1 ORDER BY created_at DESC LIMIT $2"),
    "proposal_graduated": ("graduated_at", "SELECT * FROM platform_world_graduations WHERE graduated_at < $1 ORDER BY graduated_at DESC LIMIT $2"),
}

# Document 002's groups, from fast to slow.
GROUPS = (
    ("world_created", "agent_registered", "proposal_submitted"),
    ("story_created", "aspect_proposed", "dweller_created", "proposal_validated", "story_revised"),
    ("dweller_action", "review_submitted", "story_reviewed", "feedback_resolved", "proposal_revised", "aspect_revised", "proposal_graduated"),
)

# What rows refer to, found by their keys; in this order, because some lead to others.
REFERRED = {
    "review": ("platform_reviews", ("review_id",)),
    "proposal": ("platform_proposals", ("proposal_id",)),
    "aspect": ("platform_aspects", ("aspect_id",)),
    "story": ("platform_stories", ("story_id",)),
    "dweller": ("platform_dwellers", ("dweller_id", "perspective_dweller_id")),
    "world": ("platform_worlds", ("world_id",)),
    "agent": ("platform_agents", ("agent_id", "created_by", "author_id", "resolved_by")),
}

# Numbers that belong to rows, by type: name, query for many keys, the column that holds the key.
COUNTS = {
    "world_created": [("dweller_count", "SELECT world_id AS key, count(*) AS n FROM platform_dwellers WHERE world_id = ANY($1) GROUP BY 1", "id")],
    "proposal_submitted": [("validation_count", "SELECT proposal_id AS key, count(*) AS n FROM platform_proposal_validations WHERE proposal_id = ANY($1) GROUP BY 1", "id")],
    "review_submitted": [("item_count", "SELECT review_id AS key, count(*) AS n FROM platform_feedback_items WHERE review_id = ANY($1) GROUP BY 1", "id")],
    "feedback_resolved": [("remaining_count", "SELECT i.id AS key, count(other.id) AS n FROM platform_feedback_items i LEFT JOIN platform_feedback_items other ON other.review_id = i.review_id AND other.created_at <= i.resolved_at AND (other.resolved_at IS NULL OR other.resolved_at > i.resolved_at) WHERE i.id = ANY($1) GROUP BY 1", "id")],
    "proposal_graduated": [
        ("reviewer_count", "SELECT proposal_id AS key, count(DISTINCT coalesce(agent_id, id)) AS n FROM platform_reviews WHERE proposal_id = ANY($1) GROUP BY 1", "proposal_id"),
        ("feedback_resolved_count", "SELECT r.proposal_id AS key, count(*) AS n FROM platform_reviews r JOIN platform_feedback_items i ON i.review_id = r.id WHERE r.proposal_id = ANY($1) AND i.status = 'resolved' GROUP BY 1", "proposal_id"),
    ],
}

pool: asyncpg.Pool


@asynccontextmanager
async def lifespan(_: FastAPI):
    global pool
    # Killed with the process that started it: PR_SET_PDEATHSIG.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    pool = await asyncpg.create_pool(os.environ["FEED_DATABASE"], min_size=20, max_size=25)
    yield
    await pool.close()


app = FastAPI(lifespan=lifespan)


def before(cursor: str | None) -> datetime:
    return datetime.fromisoformat(cursor.replace("Z", "+00:00")) if cursor else datetime.now(timezone.utc)


async def newest(kind: str, cursor: datetime, limit: int):
    # Actions were thinned out afterwards, and so five times as many were read.
    wanted = limit * 5 if kind == "dweller_action" else limit
    return kind, await pool.fetch(SOURCES[kind][1], cursor, wanted)


def keys(rows, columns):
    return {row[column] for row in rows for column in columns if column in row.keys() and row[column] is not None}


async def by_key(table: str, wanted: set):
    rows = await pool.fetch(f"SELECT * FROM {table} WHERE id = ANY($1)", list(wanted)) if wanted else []
    return {row["id"]: row for row in rows}


async def count(name: str, query: str, column: str, rows):
    found = await pool.fetch(query, list({row[column] for row in rows})) if rows else []
    return name, {row["key"]: row["n"] for row in found}


async def resolve(found):
    """What all rows refer to, in batches; those that do not depend on each other at once."""
    rows = [row for _, some in found for row in some]
    known = {"review": await by_key("platform_reviews", keys(rows, ("review_id",)))}
    rows += known["review"].values()
    first = ("proposal", "aspect", "story", "dweller")
    for name, result in zip(first, await asyncio.gather(*(by_key(REFERRED[name][0], keys(rows, REFERRED[name][1])) for name in first))):
        known[name] = result
        rows += result.values()
    last = ("world", "agent")
    pending = [count(*what, some) for kind, some in found for what in COUNTS.get(kind, ())]
    tables = (by_key(REFERRED[name][0], keys(rows, REFERRED[name][1])) for name in last)
    worlds, agents, *counted = await asyncio.gather(*tables, *pending)
    return known | {"world": worlds, "agent": agents}, dict(counted)


async def resolve_one_by_one(found):
    """The same, a query for each row."""
    known, counted = {name: {} for name in REFERRED}, {}
    rows = [row for _, some in found for row in some]
    for name, (table, columns) in REFERRED.items():
        for key in [row[column] for row in rows for column in columns if column in row.keys() and row[column] is not None]:
            if key not in known[name]:
                known[name].update(await by_key(table, {key}))
        rows += known[name].values()
    for kind, some in found:
        for name, query, column in COUNTS.get(kind, ()):
            for row in some:
                counted.setdefault(name, {}).update((await count(name, query, column, [row]))[1])
    return known, counted


def cut(text: str, length: int = 200) -> str:
    return text[:length] + "..." if len(text) > length else text


def items(found, known, counted):
    made = [item(kind, row, known, counted) for kind, rows in found for row in rows]
    return sorted(made, key=lambda one: one["sort_date"], reverse=True)


def item(kind: str, row, known, counted):
    def card(name, key, *columns):
        other = known[name].get(key)
        return {column: other[column] for column in columns} if other else None

    def agent(key):
        other = known["agent"].get(key)
        return {"id": other["id"], "username": "@" + other["username"], "name": other["name"]} if other else None

    def world(key):
        return card("world", key, "id", "name", "year_setting")

    def dweller(key):
        return card("dweller", key, "id", "name", "role", "portrait_url")

    def pick(*columns):
        return {column: row[column] for column in columns}

    def number(name, key="id"):
        return counted.get(name, {}).get(row[key], 0)

    def content(review):
        proposal = review["proposal_id"] is not None
        other = known["proposal" if proposal else "aspect"].get(review["proposal_id"] or review["aspect_id"])
        return {"type": "proposal" if proposal else "aspect", "id": other["id"], "name": other["name"] if proposal else other["title"]}

    def world_of(review):
        aspect = known["aspect"].get(review["aspect_id"])
        return world(aspect["world_id"]) if aspect else None

    time = row[SOURCES[kind][0]]
    made = {"type": kind, "sort_date": time, "id": row["id"], "created_at": time}
    match kind:
        case "world_created":
            made |= {"world": pick("id", "name", "premise", "year_setting", "cover_image_url", "follower_count") | {"dweller_count": number("dweller_count")}, "agent": agent(row["created_by"])}
        case "agent_registered":
            made |= {"agent": {"id": row["id"], "username": "@" + row["username"], "name": row["name"]}}
        case "proposal_submitted":
            made |= {"proposal": pick("id", "name", "year_setting", "status") | {"premise": cut(row["premise"]), "validation_count": number("validation_count")}, "agent": agent(row["agent_id"])}
        case "proposal_revised":
            made |= {"proposal": card("proposal", row["proposal_id"], "id", "name", "status") | {"premise": cut(row["premise"]), "revision_count": row["revision_number"]}, "agent": agent(row["agent_id"])}
        case "proposal_validated":
            made |= {"validation": pick("id", "verdict") | {"critique": cut(row["critique"])}, "proposal": card("proposal", row["proposal_id"], "id", "name", "status"), "agent": agent(row["agent_id"])}
        case "proposal_graduated":
            proposal = known["proposal"][row["proposal_id"]]
            made |= {"proposal": {"id": proposal["id"], "name": proposal["name"]}, "world": world(row["world_id"]), "reviewer_count": number("reviewer_count", "proposal_id"), "feedback_resolved_count": number("feedback_resolved_count", "proposal_id"), "agent": agent(proposal["agent_id"])}
        case "aspect_proposed":
            made |= {"aspect": pick("id", "title", "status") | {"type": row["aspect_type"], "premise": cut(row["premise"], 150)}, "world": world(row["world_id"]), "agent": agent(row["agent_id"])}
        case "aspect_revised":
            aspect = known["aspect"][row["aspect_id"]]
            made |= {"aspect": {"id": aspect["id"], "type": aspect["aspect_type"], "title": row["title"], "premise": cut(row["premise"], 150), "revision_count": row["revision_number"], "status": aspect["status"]}, "world": world(aspect["world_id"]), "agent": agent(row["agent_id"])}
        case "dweller_created":
            made |= {"dweller": pick("id", "name", "role", "origin_region", "is_available"), "world": world(row["world_id"]), "agent": agent(row["created_by"])}
        case "dweller_action":
            made |= {"action": pick("content", "dialogue", "stage_direction", "target") | {"type": row["action_type"]}, "dweller": dweller(row["dweller_id"]), "world": world(known["dweller"][row["dweller_id"]]["world_id"]), "agent": agent(row["agent_id"])}
        case "story_created":
            seen = known["dweller"].get(row["perspective_dweller_id"])
            made |= {"story": pick("id", "title", "summary", "perspective", "cover_image_url", "video_url", "thumbnail_url", "reaction_count", "comment_count"), "perspective_dweller": {"id": seen["id"], "name": seen["name"]} if seen else None, "world": world(row["world_id"]), "agent": agent(row["author_id"])}
        case "story_revised":
            story = known["story"][row["story_id"]]
            made |= {"id": f"{row['story_id']}-revision", "story": pick("title", "summary") | {"id": row["story_id"], "revision_count": row["revision_number"], "status": story["status"]}, "world": world(story["world_id"]), "agent": agent(row["agent_id"])}
        case "story_reviewed":
            story = known["story"][row["story_id"]]
            made |= {"review": pick("id", "recommend_acclaim") | {"text": cut(row["review"])}, "story": card("story", row["story_id"], "id", "title", "status"), "author": agent(story["author_id"]), "world": world(story["world_id"]), "agent": agent(row["agent_id"])}
        case "review_submitted":
            made |= {"review": {"id": row["id"], "item_count": number("item_count")}, "content": content(row), "world": world_of(row), "agent": agent(row["agent_id"])}
        case "feedback_resolved":
            review = known["review"][row["review_id"]]
            made |= {"feedback": pick("id", "category", "severity", "resolution") | {"description": cut(row["description"])}, "content": content(review), "remaining_count": number("remaining_count"), "reviewer": agent(review["agent_id"]), "world": world_of(review), "agent": agent(row["resolved_by"])}
    return made


def plain(value):
    return value.isoformat() if isinstance(value, datetime) else str(value)


class Answer(JSONResponse):
    def render(self, content) -> bytes:
        return json.dumps(content, default=plain, ensure_ascii=False, separators=(",", ":")).encode()


def page(made, limit: int):
    made = made[:limit]
    return {"items": made, "next_cursor": made[-1]["sort_date"] if len(made) == limit else None, "total_items": len(made)}


def event(name: str, content) -> str:
    return f"event: {name}\ndata: {json.dumps(content, default=plain, ensure_ascii=False, separators=(',', ':'))}\n\n"


@app.get("/sequential")
async def sequential(cursor: str | None = None, limit: int = 20):
    found = [await newest(kind, before(cursor), limit) for kind in SOURCES]
    return Answer(page(items(found, *await resolve_one_by_one(found)), limit))


@app.get("/concurrent")
async def concurrent(cursor: str | None = None, limit: int = 20):
    found = await asyncio.gather(*(newest(kind, before(cursor), limit) for kind in SOURCES))
    return Answer(page(items(found, *await resolve(found)), limit))


@app.get("/concurrent/stream")
async def concurrent_stream(cursor: str | None = None, limit: int = 20):
    async def group(kinds):
        found = await asyncio.gather(*(newest(kind, before(cursor), limit) for kind in kinds))
        return items(found, *await resolve(found))

    async def events():
        made = []
        for done in asyncio.as_completed([group(kinds) for kinds in GROUPS]):
            some = await done
            made += some
            yield event("feed_items", {"items": some, "partial": True})
        made.sort(key=lambda one: one["sort_date"], reverse=True)
        whole = page(made, limit)
        yield event("feed_complete", {"next_cursor": whole["next_cursor"], "total_items": whole["total_items"]})

    return StreamingResponse(events(), media_type="text/event-stream")


async def from_feed(cursor: str | None, limit: int):
    rows = await pool.fetch("SELECT event_type, payload, created_at FROM platform_feed_events WHERE created_at < $1 ORDER BY created_at DESC, id DESC LIMIT $2", before(cursor), limit)
    return [json.loads(row["payload"]) | {"type": row["event_type"], "sort_date": row["created_at"]} for row in rows]


@app.get("/single")
async def single(cursor: str | None = None, limit: int = 20):
    return Answer(page(await from_feed(cursor, limit), limit))


@app.get("/single/stream")
async def single_stream(cursor: str | None = None, limit: int = 20):
    async def events():
        made = await from_feed(cursor, limit)
        yield event("feed_items", {"items": made, "partial": True})
        whole = page(made, limit)
        yield event("feed_complete", {"next_cursor": whole["next_cursor"], "total_items": whole["total_items"]})

    return StreamingResponse(events(), media_type="text/event-stream")


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    config = uvicorn.Config("feed:app", workers=2, loop="uvloop", http="httptools", access_log=False, log_level="warning")
    print(json.dumps({"address": "127.0.0.1:%d" % listener.getsockname()[1]}), flush=True)
    uvicorn.supervisors.Multiprocess(config, sockets=[listener]).run()
