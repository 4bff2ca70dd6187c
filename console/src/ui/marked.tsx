// Text of others, drawn: what was invisible is a mark, unlike the text around it.
import { pictureName, type Segment } from "../text/visible";

export function Marked({ parts }: { parts: readonly Segment[] }) {
  return parts.map((part, index) => {
    if (!part.kind) return part.text;
    const name = part.kind === "control" ? pictureName(part.text) : undefined;
    return (
      <span key={index} className={`mark ${name ? "picture" : part.kind}`} data-name={name}>
        {part.text}
      </span>
    );
  });
}
