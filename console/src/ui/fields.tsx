// Text fields with their hint and their error beside them.
import { FieldError } from "react-aria-components/FieldError";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { Text } from "react-aria-components/Text";
import { TextArea } from "react-aria-components/TextArea";
import { TextField } from "react-aria-components/TextField";
import type { ReactNode } from "react";

export interface FieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  error?: string | undefined;
  hint?: ReactNode;
  placeholder?: string;
  mono?: boolean;
  lines?: number;
  type?: string;
  required?: boolean;
  className?: string;
  autoFocus?: boolean;
  maxLength?: number;
  inputMode?: "text" | "numeric";
}

export function Field(props: FieldProps) {
  const look = `input ${props.mono ? "mono" : ""}`;
  const shared = { className: look, ...(props.placeholder ? { placeholder: props.placeholder } : {}) };
  return (
    <TextField
      className={`field ${props.className ?? ""}`}
      value={props.value}
      onChange={props.onChange}
      isInvalid={Boolean(props.error)}
      isRequired={props.required ?? false}
      validationBehavior="aria"
      autoComplete="off"
      spellCheck={props.mono ? "false" : "true"}
      autoFocus={props.autoFocus ?? false}
      {...(props.maxLength ? { maxLength: props.maxLength } : {})}
      {...(props.type ? { type: props.type as "text" } : {})}
      {...(props.inputMode ? { inputMode: props.inputMode } : {})}
    >
      <Label>{props.label}</Label>
      {props.lines ? <TextArea {...shared} rows={props.lines} /> : <Input {...shared} />}
      {props.hint && (
        <Text slot="description" className="hint">
          {props.hint}
        </Text>
      )}
      <FieldError className="error">{props.error}</FieldError>
    </TextField>
  );
}
