// Parts of a page, one of which is seen.
import { Tab, TabList, TabPanel, Tabs as AriaTabs } from "react-aria-components/Tabs";
import type { ReactNode } from "react";

export interface TabPart {
  id: string;
  label: string;
  content: ReactNode;
}

export function Tabs({ label, parts }: { label: string; parts: readonly TabPart[] }) {
  return (
    <AriaTabs className="stack">
      <TabList aria-label={label} className="tabs">
        {parts.map((part) => (
          <Tab key={part.id} id={part.id} className="tab">{part.label}</Tab>
        ))}
      </TabList>
      {parts.map((part) => (
        <TabPanel key={part.id} id={part.id} className="tab-panel">{part.content}</TabPanel>
      ))}
    </AriaTabs>
  );
}
