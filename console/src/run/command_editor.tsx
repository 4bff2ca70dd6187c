// One command of a live response: its kind and what it takes.
import type { CommandType } from "../api/types";
import { splitWords } from "../text/words";
import { Button } from "../ui/button";
import { Choice } from "../ui/choice";
import { Field } from "../ui/fields";
import { CrossIcon } from "../ui/icons";
import { Foreign } from "../ui/show";
import { COMPOSED, type DraftCommand, TYPE_WORDS } from "./draft";
import { type Library, ScriptPicker } from "./script_picker";

const TYPES = COMPOSED.map((id) => ({ id, label: TYPE_WORDS[id] }));

export function CommandEditor(props: {
  number: number;
  command: DraftCommand;
  errors: { main?: string; args?: string };
  library: Library;
  onChange: (change: Partial<DraftCommand>) => void;
  onRemove: (() => void) | undefined;
  onUp: (() => void) | undefined;
  onDown: (() => void) | undefined;
}) {
  const { command, errors, library } = props;
  const file = library.data?.find((one) => one.fileName === command.name);
  const name = `Command ${props.number}`;
  return (
    <li>
      <div className="command" role="group" aria-label={name}>
      <div className="command-head">
        <Choice
          label={name}
          options={TYPES}
          value={command.type}
          onChange={(type) => props.onChange({ type: type as CommandType })}
          className="kind"
        />
        <span className="spring" />
        {props.onUp && (
          <Button small kind="quiet" onPress={props.onUp} aria-label={`${name}: earlier`}>
            ↑
          </Button>
        )}
        {props.onDown && (
          <Button small kind="quiet" onPress={props.onDown} aria-label={`${name}: later`}>
            ↓
          </Button>
        )}
        {props.onRemove && (
          <Button small kind="quiet" onPress={props.onRemove} aria-label={`${name}: remove`}>
            <CrossIcon />
          </Button>
        )}
      </div>
      {command.type === "GetFile" ? (
        <Field
          label="Path on the machine"
          mono
          value={command.path}
          onChange={(path) => props.onChange({ path })}
          error={errors.main}
          placeholder="e.g. /var/log/auth.log"
        />
      ) : (
        <ScriptPicker
          label={command.type === "RunScript" ? "Script" : "File of the library"}
          value={command.name}
          error={errors.main}
          library={library}
          onChange={(value) => props.onChange({ name: value })}
        />
      )}
      {command.type === "RunScript" && (
        <>
          <Field
            label="Arguments"
            mono
            value={command.args}
            onChange={(args) => props.onChange({ args })}
            error={errors.args}
            placeholder="e.g. --days 7 --user 'Ann Lee'"
            hint={file?.parametersDescription ? <Foreign text={file.parametersDescription} /> : undefined}
          />
          <Words args={command.args} />
        </>
      )}
      </div>
    </li>
  );
}

// How the machine will split them: what is quoted stays one.
function Words({ args }: { args: string }) {
  const split = splitWords(args);
  if (!split.ok || split.words.length < 1 || !/['"\\]/u.test(args)) return null;
  return (
    <div className="words small" aria-label="Words that the script gets">
      <span className="muted">The script gets</span>
      {split.words.map((word, index) => (
        <code key={index}>
          <Foreign text={word === "" ? "(empty)" : word} />
        </code>
      ))}
    </div>
  );
}
