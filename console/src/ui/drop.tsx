// A place where a file may be dropped, or chosen.
import { DropZone } from "react-aria-components/DropZone";
import { FileTrigger } from "react-aria-components/FileTrigger";
import { Text } from "react-aria-components/Text";
import type { ReactNode } from "react";
import { Button } from "./button";

export function Drop(props: { label: string; children?: ReactNode; onFile: (file: File) => void }) {
  return (
    <DropZone
      className="drop"
      onDrop={(event) => {
        const item = event.items.find((one) => one.kind === "file");
        if (item?.kind === "file") void item.getFile().then(props.onFile);
      }}
    >
      <FileTrigger
        onSelect={(files) => {
          const file = files?.[0];
          if (file) props.onFile(file);
        }}
      >
        <Button small>{props.label}</Button>
      </FileTrigger>
      <Text slot="label">{props.children ?? "or drop it here"}</Text>
    </DropZone>
  );
}
