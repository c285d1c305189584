"""Tool calls of the sample's sessions. What they change they really change, in the sample's repository."""

from __future__ import annotations

import base64
import difflib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ingest.sample.repository import SAM, Person, Repository
from ingest.sample.transcript import Call, Record, Result, Transcript

_NO_WISH = (
    "The user doesn't want to proceed with this tool use. The tool use was rejected "
    "(eg. if it was a file edit, the new_string was NOT written to the file)."
)


@dataclass(frozen=True)
class Tools:
    """The tools of one session: `repository` is the real tree, `cwd` the path that the records show for it."""

    repository: Repository
    cwd: str

    def read(self, path: str) -> Call:
        def run(transcript: Transcript) -> Result:
            text = self.repository.read(path)
            lines = text.split("\n")
            shown = "\n".join(f"{number:6d}→{line}" for number, line in enumerate(lines, 1))
            file = {
                "filePath": self._absolute(path),
                "content": text,
                "numLines": len(lines),
                "startLine": 1,
                "totalLines": len(lines),
            }
            return Result(shown, {"type": "text", "file": file})

        return Call("Read", {"file_path": self._absolute(path)}, run)

    def edit(self, path: str, old: str, new: str) -> Call:
        """Replace `old`, which is to occur once; where it does not occur, the result is the tool's own error."""
        given = {"replace_all": False, "file_path": self._absolute(path), "old_string": old, "new_string": new}

        def run(transcript: Transcript) -> Result:
            before = self.repository.read(path)
            if old not in before:
                reason = f"String to replace not found in file.\nString: {old}"
                return Result(f"<tool_use_error>{reason}</tool_use_error>", f"Error: {reason}", True)
            after = before.replace(old, new, 1)
            self.repository.write(path, after)
            detail = {
                "filePath": self._absolute(path),
                "oldString": old,
                "newString": new,
                "originalFile": before,
                "structuredPatch": structured_patch(before, after),
                "userModified": False,
                "replaceAll": False,
            }
            return Result(f"The file {self._absolute(path)} has been updated successfully.", detail)

        return Call("Edit", given, run)

    def write(self, path: str, content: str) -> Call:
        """Create a file."""

        def run(transcript: Transcript) -> Result:
            self.repository.write(path, content)
            detail = {
                "type": "create",
                "filePath": self._absolute(path),
                "content": content,
                "structuredPatch": [],
                "originalFile": None,
            }
            return Result(f"File created successfully at: {self._absolute(path)}", detail)

        return Call("Write", {"file_path": self._absolute(path), "content": content}, run)

    def look(self, path: str, picture: bytes) -> Call:
        """A picture that is read: its bytes stand twice in the record, for the model and beside it."""
        data = base64.b64encode(picture).decode()
        file = {"base64": data, "type": "image/png", "originalSize": len(picture)}
        shown = [{"type": "image", "source": {"type": "base64", "data": data, "media_type": "image/png"}}]
        return Call("Read", {"file_path": path}, lambda transcript: Result(shown, {"type": "image", "file": file}))

    def grep(self, pattern: str, *hits: str) -> Call:
        """A search; `hits` are `path:line:text` below the working directory."""
        shown = "\n".join(hits) if hits else "No matches found"
        detail = {
            "mode": "content",
            "numFiles": 0,
            "filenames": [],
            "content": "\n".join(hits),
            "numLines": len(hits),
        }
        given = {"pattern": pattern, "output_mode": "content", "-n": True}
        return Call("Grep", given, lambda transcript: Result(shown, detail))

    def glob(self, pattern: str, *hits: str) -> Call:
        """A search for names; `hits` are paths below the working directory."""
        names = [self._absolute(hit) for hit in hits]
        detail = {"filenames": names, "durationMs": 14, "numFiles": len(names), "truncated": False}
        return Call("Glob", {"pattern": pattern}, lambda transcript: Result("\n".join(names), detail))

    def bash(self, command: str, description: str, output: str = "", code: int = 0) -> Call:
        """A command that is told, not run. A `code` other than 0 makes it an error."""
        return self.bash_with(command, description, lambda transcript: bash_result(output, code))

    def tests(self, output: str, code: int = 0) -> Call:
        """A run of the test suite, told."""
        return self.bash("python -m pytest -q", "Run the tests", output, code)

    def bash_with(self, command: str, description: str, run: Callable[[Transcript], Result]) -> Call:
        return Call("Bash", {"command": command, "description": description}, run)

    def commit(self, message: str, note: str, *, person: Person = SAM, options: str = "") -> Call:
        """`git add` and `git commit`, run for real; the result holds the true hash."""
        command = f"git add -A && git commit {options}-m \"$(cat <<'EOF'\n{message}\nEOF\n)\""

        def run(transcript: Transcript) -> Result:
            done = bash_result(self.repository.commit(message + "\n", transcript.at, person))
            if transcript.is_since("2.1.156"):
                sha = self.repository.git("rev-parse", "--short", "HEAD")
                done.detail["gitOperation"] = {"commit": {"sha": sha, "kind": "committed"}}
            return done

        return Call("Bash", {"command": command, "description": note}, run)

    def move(self, source: str, target: str, description: str) -> Call:
        """`git mv`, run for real."""
        folder = target.rpartition("/")[0]
        make = f"mkdir -p {folder} && " if folder else ""

        def run(transcript: Transcript) -> Result:
            self.repository.move(source, target)
            return bash_result("")

        return self.bash_with(f"{make}git mv {source} {target}", description, run)

    def restore(self, path: str, description: str) -> Call:
        """`git checkout` of one file, run for real: what was not committed is gone."""

        def run(transcript: Transcript) -> Result:
            self.repository.git("checkout", "--quiet", "--", path)
            return bash_result("Updated 1 path from the index")

        return self.bash_with(f"git checkout -- {path}", description, run)

    def background(self, command: str, description: str, task_id: str) -> Call:
        """A command that goes on running while the agent works."""
        told = f"Command running in background with ID: {task_id}. Output is being written to: /tmp/{task_id}.output"
        detail = {"stdout": "", "stderr": "", "interrupted": False, "isImage": False, "backgroundTaskId": task_id}
        given = {"command": command, "description": description, "run_in_background": True}
        return Call("Bash", given, lambda transcript: Result(told, detail, False))

    def fetch(self, url: str, question: str, answer: str) -> Call:
        detail = {"bytes": 18_204, "code": 200, "codeText": "OK", "result": answer, "durationMs": 2_310, "url": url}
        return Call("WebFetch", {"url": url, "prompt": question}, lambda transcript: Result(answer, detail))

    def todos(self, *tasks: str) -> Call:
        """The agent's list of what is to do: the first task in progress, the others waiting."""
        listed = [
            {"content": task, "status": "pending" if number else "in_progress", "activeForm": task}
            for number, task in enumerate(tasks)
        ]
        told = "Todos have been modified successfully. Ensure that you continue to use the todo list."
        detail = {"oldTodos": [], "newTodos": listed}
        return Call("TodoWrite", {"todos": listed}, lambda transcript: Result(told, detail))

    def ask(self, question: str, header: str, options: dict[str, str], chosen: str) -> Call:
        """A question with options (label: what it means), one of which the user chose."""
        labels = [{"label": label, "description": meaning} for label, meaning in options.items()]
        questions = [{"question": question, "header": header, "options": labels, "multiSelect": False}]
        told = f'User has answered your questions: "{question}"="{chosen}". You can now continue with the answers.'
        detail = {"questions": questions, "answers": {question: chosen}}
        return Call("AskUserQuestion", {"questions": questions}, lambda transcript: Result(told, detail))

    def exit_plan(self, plan: str) -> Call:
        """A plan, which the user accepts (or not: `refused`)."""
        told = f"User has approved your plan. You can now start coding.\n\n## Approved Plan:\n{plan}"
        detail = {"plan": plan, "isAgent": False, "filePath": "/home/sam/.claude/plans/tidebook.md"}
        return Call("ExitPlanMode", {"plan": plan}, lambda transcript: Result(told, detail))

    def _absolute(self, path: str) -> str:
        separator = "\\" if "\\" in self.cwd else "/"
        return f"{self.cwd}{separator}{path.replace('/', separator)}"


def refused(call: Call, reason: str = "") -> Call:
    """The same call, turned down by the user, who said why or said nothing."""
    stop = "STOP what you are doing and wait for the user to tell you how to proceed."
    told = f"{_NO_WISH} To tell you how to proceed, the user said:\n{reason}" if reason else f"{_NO_WISH} {stop}"
    detail = f"Error: {told}" if reason else "User rejected tool use"
    return Call(call.name, call.input, lambda transcript: Result(told, detail, True), call.between)


def stopped(call: Call) -> Call:
    """The same command, stopped by the user while it ran."""
    told = "Exit code 137\n[Request interrupted by user for tool use]"
    return Call(call.name, call.input, lambda transcript: Result(told, f"Error: {told}", True), call.between)


def early(call: Call, seconds: float) -> Call:
    """The same call, whose result is stamped so long before the line that it follows."""
    run = call.run
    if run is None:
        return call
    return replace(call, run=lambda transcript: replace(run(transcript), seconds=-seconds))


def unanswered(call: Call) -> Call:
    """The same call, whose result the log does not hold any more."""
    return Call(call.name, call.input, None)


def bash_result(output: str, code: int = 0) -> Result:
    if code:
        told = f"Exit code {code}\n{output}" if output else f"Exit code {code}"
        return Result(told, f"Error: {told}", True)
    detail = {"stdout": output, "stderr": "", "interrupted": False, "isImage": False}
    return Result(output, detail, False)


def structured_patch(before: str, after: str) -> list[Record]:
    """Hunks as the Edit tool records them: three lines of context, counted from 1."""
    old, new = before.splitlines(), after.splitlines()
    hunks: list[Record] = []
    for group in difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_grouped_opcodes(3):
        lines: list[Any] = []
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                lines += [f" {line}" for line in old[old_from:old_to]]
                continue
            lines += [f"-{line}" for line in old[old_from:old_to]]
            lines += [f"+{line}" for line in new[new_from:new_to]]
        first, last = group[0], group[-1]
        hunks.append(
            {
                "oldStart": first[1] + 1,
                "oldLines": last[2] - first[1],
                "newStart": first[3] + 1,
                "newLines": last[4] - first[3],
                "lines": lines,
            }
        )
    return hunks
