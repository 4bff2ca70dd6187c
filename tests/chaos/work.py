#!/usr/bin/python3 -IS
# What the machines of a chaos run are asked to do. Before anything else it notes its start, with what
# the agent's journal says at that moment; args: EFFECTS JOURNAL TOKEN BYTES SECONDS CODE.
import os
import sys
import time

at_ns = time.time_ns()
effects, journal, token, size, seconds, code = sys.argv[1:7]
action, index = os.environ["REACHBACK_ACTION"], int(os.environ["REACHBACK_INDEX"])
named = b"\x0a\x10" + bytes.fromhex(action.replace("-", ""))  # field 1 of the journal's messages
with open(journal, "rb") as text:
    data = text.read()
# JournalIntent{action, index, at_us}, and CommandEnded{action, epoch, index, outcome: COMPLETED}.
intent = named + (b"\x10" + bytes([index]) if index else b"") + b"\x18" in data
before = all(any(named + b"\x10" + bytes([epoch]) + (b"\x18" + bytes([i]) if i else b"") + b"\x20\x01"
                 in data for epoch in range(1, 128)) for i in range(index))
note = os.open(effects, os.O_WRONLY | os.O_APPEND)
os.write(note, b"start %d %s %d %d %d\n" % (at_ns, action.encode(), index, intent, before))

text = b"".join(b"%s %08d\n" % (token.encode(), i) for i in range(int(size) // 26 + 1))[:int(size)]
try:
    os.write(2, b"%s/%d %s\n" % (action.encode(), index, token.encode()))
    half = len(text) // 2
    for part in (text[:half], text[half:]):
        while part:
            part = part[os.write(1, part):]
        time.sleep(float(seconds) / 2)
except OSError:
    pass  # nobody takes the output any more; the end is noted all the same
os.write(note, b"end %d %s %d\n" % (time.time_ns(), action.encode(), index))
os._exit(int(code))
