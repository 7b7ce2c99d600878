"""Writing an import run and taking it back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from agentsight_otel.server.clock import now_us
from agentsight_otel.server.imports.checking import CheckedFile, ImportedConversation, Problem, check_file
from agentsight_otel.server.rows import Entry
from agentsight_otel.server.store.engine import Store
from agentsight_otel.server.store.keys import environment_ids
from agentsight_otel.server.store.managing import remove
from agentsight_otel.server.store.places import CHUNK, Wanted, lock_conversations, save
from agentsight_otel.server.store.tables import conversations, imports
from agentsight_otel.server.store.transcript import add_entries

Progress = Callable[[int, int], None]


class Imported(NamedTuple):
    """An import run that was written, or the problems because of which nothing was."""

    import_id: int | None
    conversations: int
    messages: int
    problems: Sequence[Problem]


def import_file(
    store: Store,
    agent_id: int,
    data: bytes,
    *,
    filename: str = "",
    environment: str = "production",
    progress: Progress | None = None,
) -> Imported:
    """Check a file and write all of it, or nothing.

    Args:
        store: The database.
        agent_id: Whose conversations they become.
        data: The file's bytes, JSON in UTF-8.
        filename: Kept with the run.
        environment: Slug of the environment they go to.
        progress: Called with the conversations done and their total.
    """
    checked = check_file(data, now_us())
    with store.write() as connection:
        problems = checked.problems or list(_existing(connection, agent_id, checked))
        if problems:
            return Imported(None, 0, 0, problems)
        found = checked.conversations
        messages = sum(len(conversation.messages) for conversation in found)
        import_id: int = connection.execute(
            insert(imports)
            .values(
                agent_id=agent_id,
                filename=filename[:255],
                conversation_count=len(found),
                message_count=messages,
                created_at=now_us(),
            )
            .returning(imports.c.id)
        ).scalar_one()
        environment_id = environment_ids(connection, agent_id)[environment]
        for done, conversation in enumerate(found, 1):
            _write(connection, agent_id, import_id, environment_id, conversation)
            if progress is not None:
                progress(done, len(found))
    return Imported(import_id, len(found), messages, [])


def undo_import(store: Store, agent_id: int, import_id: int) -> int:
    """Remove every conversation of a run for good; return how many."""
    c = conversations.c
    with store.write() as connection:
        mine = (c.agent_id == agent_id) & (c.import_id == import_id)
        removed = remove(connection, store, mine)
        run = (imports.c.agent_id == agent_id) & (imports.c.id == import_id)
        connection.execute(delete(imports).where(run))
    return removed


def _existing(connection: Connection, agent_id: int, checked: CheckedFile) -> Iterable[Problem]:
    places = {item.conversation_id: index for index, item in enumerate(checked.conversations)}
    names = list(places)
    for start in range(0, len(names), CHUNK):
        c = conversations.c
        taken = select(c.conversation_id).where(
            c.agent_id == agent_id, c.conversation_id.in_(names[start : start + CHUNK])
        )
        for name in connection.scalars(taken):
            path = f"conversations[{places[name]}].conversation_id"
            yield Problem(path, "conversation_already_exists")


def _write(
    connection: Connection,
    agent_id: int,
    import_id: int,
    environment_id: int,
    conversation: ImportedConversation,
) -> None:
    values = conversation.fields | {"import_id": import_id}
    wanted = Wanted(conversation.conversation_id, environment_id, conversation.started_at, values)
    place = lock_conversations(connection, agent_id, [wanted])[0]
    entries = [
        Entry(f"import:{index}", "message", said.timestamp, said.sender, said.content, said.metadata)
        for index, said in enumerate(conversation.messages)
    ]
    add_entries(connection, [(place, entries)])
    place.is_used = True
    place.stretch(conversation.started_at, max(said.timestamp for said in conversation.messages))
    save(connection, [place])
