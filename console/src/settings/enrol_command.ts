// The command that enrols a Linux machine: pasted into a root shell there. Pure.
import type { NewEnrolmentToken } from "../api/types";
import { quoteWord } from "../text/words";

const FOLDER = "/var/lib/reachback-agent";

export function enrolCommand(token: NewEnrolmentToken): string {
  // A certificate is base64 between two marks: whatever else came would be no certificate.
  const ca = token.caFile.trim();
  const lines = [
    `install -d -m 700 ${FOLDER}`,
    `cat > ${FOLDER}/ca.pem <<'CA'`,
    ca.replaceAll("\r", ""),
    "CA",
    "reachback-agent enroll \\",
    `  --server ${quoteWord(token.server)} \\`,
    `  --ca ${FOLDER}/ca.pem \\`,
    `  --token ${quoteWord(token.enrollmentToken)} \\`,
    `  --state ${FOLDER}`,
    "systemctl enable --now reachback-agent",
  ];
  return lines.join("\n");
}
