// Buttons, and links that look like them.
import { Button as AriaButton, type ButtonProps } from "react-aria-components/Button";
import { type ReactNode, useState } from "react";
import { announce } from "./announce";
import { CheckIcon, CopyIcon } from "./icons";

type Kind = "primary" | "danger" | "quiet" | "plain";

export interface ButtonLook extends Omit<ButtonProps, "className" | "children"> {
  kind?: Kind;
  small?: boolean;
  children: ReactNode;
}

export function Button({ kind = "plain", small = false, children, ...rest }: ButtonLook) {
  return (
    <AriaButton {...rest} className={`button ${kind} ${small ? "small" : ""}`}>
      {children}
    </AriaButton>
  );
}

// Copies a text, or what a function comes back with.
export function CopyButton(props: {
  text: string | (() => string | Promise<string>);
  label: string;
  small?: boolean;
  kind?: Kind;
}) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(
        typeof props.text === "string" ? props.text : await props.text(),
      );
      setDone(true);
      announce(`${props.label}: copied`);
      setTimeout(() => setDone(false), 1600);
    } catch {
      announce("Copying did not work. Select the text and copy it by hand.");
    }
  };
  return (
    <Button small={props.small ?? false} kind={props.kind ?? "plain"} onPress={() => void copy()}>
      {done ? <CheckIcon /> : <CopyIcon />}
      {done ? "Copied" : props.label}
    </Button>
  );
}
