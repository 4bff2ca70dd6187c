// One of some; yes or no. The choice is the browser's own: light, and right on a phone.
import { Checkbox } from "react-aria-components/Checkbox";
import { type ReactNode, useId } from "react";
import { CheckIcon, DownIcon } from "./icons";

export interface Option {
  id: string;
  label: string;
}

export function Choice(props: {
  label: string;
  options: readonly Option[];
  value: string;
  onChange: (value: string) => void;
  className?: string;
}) {
  const id = useId();
  return (
    <div className={`field ${props.className ?? ""}`}>
      <label htmlFor={id}>{props.label}</label>
      <div className="combo">
        <select id={id} className="input" value={props.value} onChange={(event) => props.onChange(event.target.value)}>
          {props.options.map((option) => (
            <option key={option.id} value={option.id}>
              {option.label}
            </option>
          ))}
        </select>
        <span className="open">
          <DownIcon />
        </span>
      </div>
    </div>
  );
}

export function Check(props: {
  children: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
}) {
  return (
    <Checkbox className="check" isSelected={props.checked} onChange={props.onChange}>
      <span className="box">
        <CheckIcon />
      </span>
      <span>{props.children}</span>
    </Checkbox>
  );
}
