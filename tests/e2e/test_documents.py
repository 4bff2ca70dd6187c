"""What the documents show works as they show it."""

import json
import os
import sys

import harness

sys.path.insert(0, os.path.join(harness.ROOT, "tools"))
import make_transcript  # noqa: E402


def test_the_curl_calls_of_the_readme_work_as_they_stand(tmp_path, bin_dir, monkeypatch):
    monkeypatch.setenv("REACHBACK_BIN", bin_dir)
    page = tmp_path / "transcript.md"
    machine, answers = make_transcript.make(str(page))
    assert len(answers) == 5
    assert json.loads(answers[1])["value"][0]["id"] == machine
    assert json.loads(answers[2])["status"] == "Pending"
    final, link = [json.loads(line) for line in answers[3].strip().splitlines()]
    assert final["status"] == "Succeeded"
    assert harness.LINK.match(link["value"])
    result = json.loads(answers[4])
    assert result["script_name"] == "triage.sh" and result["exit_code"] == 0
    text = page.read_text()
    assert "sig=…" in text and link["value"] not in text
