// A row of choices of which any number may be on.
import { ToggleButton } from "react-aria-components/ToggleButton";
import { ToggleButtonGroup } from "react-aria-components/ToggleButtonGroup";
import type { Option } from "./choice";

export function Toggles(props: {
  label: string;
  options: readonly Option[];
  value: readonly string[];
  onChange: (value: string[]) => void;
}) {
  return (
    <ToggleButtonGroup
      aria-label={props.label}
      className="toggles"
      selectionMode="multiple"
      selectedKeys={props.value}
      onSelectionChange={(keys) => props.onChange([...keys].map(String))}
    >
      {props.options.map((option) => (
        <ToggleButton key={option.id} id={option.id} className="toggle">
          {option.label}
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  );
}
