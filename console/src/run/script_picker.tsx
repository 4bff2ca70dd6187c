// A file of the library: chosen by name, or dropped, which puts it there first.
import { Button as AriaButton } from "react-aria-components/Button";
import { ComboBox } from "react-aria-components/ComboBox";
import { FieldError } from "react-aria-components/FieldError";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { ListBox, ListBoxItem } from "react-aria-components/ListBox";
import { Popover } from "react-aria-components/Popover";
import { Text } from "react-aria-components/Text";
import { useState } from "react";
import { explain } from "../api/client";
import type { LibraryFile } from "../api/types";
import { useOutside } from "../app/context";
import type { Loaded } from "../app/load";
import { tooLarge, upload } from "../library/upload";
import { sha256 } from "../text/bytes";
import { announce } from "../ui/announce";
import { Button } from "../ui/button";
import { Drop } from "../ui/drop";
import { DownIcon } from "../ui/icons";
import { Foreign } from "../ui/show";
import { isForbidden, Notice } from "../ui/states";

export type Library = Loaded<LibraryFile[]>;

export function ScriptPicker(props: {
  label: string;
  value: string;
  error: string | undefined;
  library: Library;
  onChange: (name: string) => void;
}) {
  const { library } = props;
  const chosen = library.data?.find((file) => file.fileName === props.value);
  return (
    <div className="stack tight-stack">
      <ComboBox
        className="field"
        allowsCustomValue
        allowsEmptyCollection
        menuTrigger="focus"
        inputValue={props.value}
        onInputChange={props.onChange}
        onSelectionChange={(key) => key !== null && props.onChange(String(key))}
        defaultItems={library.data ?? []}
        isInvalid={Boolean(props.error)}
        validationBehavior="aria"
      >
        <Label>{props.label}</Label>
        <div className="combo">
          <Input className="input mono" placeholder="Choose or type a name" spellCheck="false" />
          <AriaButton className="open">
            <DownIcon />
          </AriaButton>
        </div>
        <Text slot="description" className="hint">
          {chosen?.description ? <Foreign text={chosen.description} /> : hint(library)}
        </Text>
        <FieldError className="error">{props.error}</FieldError>
        <Popover className="popover">
          <ListBox<LibraryFile> renderEmptyState={() => <div className="option muted">Nothing in the library has this name.</div>}>
            {(file) => (
              <ListBoxItem id={file.fileName} textValue={file.fileName} className="option">
                <span className="mono">{file.fileName}</span>
                {file.description && (
                  <span className="muted">
                    <Foreign text={file.description} />
                  </span>
                )}
              </ListBoxItem>
            )}
          </ListBox>
        </Popover>
      </ComboBox>
      <Uploader library={library} onUploaded={props.onChange} />
    </div>
  );
}

function hint(library: Library): string | undefined {
  if (library.error === undefined) return undefined;
  return isForbidden(library.error)
    ? "Your account may not list the library: type the file's exact name."
    : "The library could not be read: type the file's exact name.";
}

function Uploader({ library, onUploaded }: { library: Library; onUploaded: (name: string) => void }) {
  const { api } = useOutside();
  const [clash, setClash] = useState<File | null>(null);
  const [error, setError] = useState<{ title: string; detail: string } | null>(null);
  const [busy, setBusy] = useState("");

  const put = async (file: File, override: boolean) => {
    setBusy(file.name);
    setError(null);
    setClash(null);
    try {
      const made = await upload(api, { file, override });
      onUploaded(made.fileName);
      library.reload();
      announce(`${made.fileName} is in the library`);
    } catch (caught) {
      setError(explain(caught));
    } finally {
      setBusy("");
    }
  };
  const take = async (file: File) => {
    const large = tooLarge(file);
    if (large) {
      setError({ title: "Too large.", detail: large });
      return;
    }
    const there = library.data?.find((one) => one.fileName === file.name);
    if (!there) return put(file, false);
    if (there.sha256 === (await sha256(new Uint8Array(await file.arrayBuffer())))) onUploaded(file.name);
    else setClash(file);
  };

  if (isForbidden(library.error)) return null;
  return (
    <>
      <Drop label="Upload a file …" onFile={(file) => void take(file)}>
        {busy ? `Uploading ${busy} …` : "or drop it here; it goes to the library"}
      </Drop>
      {clash && (
        <Notice kind="warn" title={`${clash.name} is in the library with other content.`}>
          <div className="buttons">
            <Button small onPress={() => void put(clash, true)}>
              Replace it
            </Button>
            <Button
              small
              kind="quiet"
              onPress={() => {
                onUploaded(clash.name);
                setClash(null);
              }}
            >
              Use the one that is there
            </Button>
          </div>
        </Notice>
      )}
      {error && <Notice kind="bad" {...error} />}
    </>
  );
}
