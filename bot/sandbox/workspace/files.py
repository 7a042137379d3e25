"""Web API: uploading files in two steps, and handing them out again. Files are streamed to and from disk."""

from aiohttp import web

from bot.sandbox.workspace.arguments import Arguments
from bot.sandbox.workspace.parts import PARTS, Parts
from bot.sandbox.workspace.state import Json, Message, Refused

_PIECE = 1 << 16


def _get_upload_url(parts: Parts, given: Arguments) -> Json:
    length = given.number("length", 0)
    if length <= 0:
        raise Refused("invalid_arguments", "[ERROR] length must be above 0 [json-pointer:/length]")
    file_id = parts.workspace.new_id("F")
    parts.upload_names[file_id] = (given.text("filename"), length)
    return {"upload_url": f"{parts.address}/upload/{file_id}", "file_id": file_id}


async def upload(request: web.Request) -> web.Response:
    """POST /upload/ID: the file's bytes, raw or as the first file of a multipart form."""
    parts = request.app[PARTS]
    file_id = request.match_info["file_id"]
    if file_id not in parts.upload_names:
        raise web.HTTPNotFound(text="no such upload")
    with (parts.uploads / file_id).open("wb") as target:
        if request.content_type.startswith("multipart/"):
            part = await (await request.multipart()).next()
            while (
                part is not None and hasattr(part, "read_chunk") and (piece := await part.read_chunk(_PIECE))
            ):
                target.write(piece)
        else:
            async for piece in request.content.iter_chunked(_PIECE):
                target.write(piece)
        size = target.tell()
    return web.Response(text=f"OK - {size}")


def _complete(parts: Parts, given: Arguments) -> Json:
    workspace = parts.workspace
    shown = []
    entries = given.structure("files")
    if not isinstance(entries, list) or not all(isinstance(e, dict) and "id" in e for e in entries):
        raise Refused("invalid_arguments", "[ERROR] must be an array of {id, title} [json-pointer:/files]")
    for entry in entries:
        name, length = parts.upload_names.get(entry["id"], ("", -1))
        path = parts.uploads / entry["id"]
        if not path.exists() or path.stat().st_size != length:
            raise Refused("file_not_found")
        shown.append(
            {
                "id": entry["id"],
                "name": name,
                "title": entry.get("title") or name,
                "size": length,
                "url_private": f"{parts.address}/files/{entry['id']}",
                "permalink": f"{parts.address}/files/{entry['id']}",
            }
        )
    if not shown:
        raise Refused("invalid_arguments", "[ERROR] missing required field: files")
    channels = [c for c in (given.text("channel_id", "") or given.text("channels", "")).split(",") if c]
    for name in channels:
        channel = workspace.channel(name)
        thread_ts = given.text("thread_ts", "") or None
        if thread_ts:
            workspace.message(channel.id, thread_ts)
        bot, words = workspace.seed.bot_user, given.text("initial_comment", "")
        workspace.post(Message(workspace.new_ts(), channel.id, bot, words, thread_ts=thread_ts, files=shown))
    return {"files": shown}


async def download(request: web.Request) -> web.StreamResponse:
    """GET /files/ID: an uploaded file."""
    parts = request.app[PARTS]
    file_id = request.match_info["file_id"]
    name, _ = parts.upload_names.get(file_id, ("", 0))
    path = parts.uploads / file_id
    if not name or not path.exists():
        raise web.HTTPNotFound(text="no such file")
    safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in name)
    return web.FileResponse(path, headers={"Content-Disposition": f'attachment; filename="{safe}"'})


METHODS = {
    "files.getUploadURLExternal": _get_upload_url,
    "files.completeUploadExternal": _complete,
}
