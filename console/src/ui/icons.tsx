// Line icons, drawn here. They are decoration: what they mean always stands beside them in words.
import type { ReactNode } from "react";

function Icon({ children, className }: { children: ReactNode; className?: string }) {
  return (
    <svg className={className ?? "icon"} viewBox="0 0 24 24" fill="none" stroke="currentColor"
      strokeWidth={2} strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

export const MachinesIcon = () => (
  <Icon><rect x="3" y="4" width="18" height="12" rx="2" /><path d="M8 20h8M12 16v4" /></Icon>
);
export const ActionsIcon = () => (
  <Icon><path d="M4 6l5 5-5 5M12 18h8" /></Icon>
);
export const LibraryIcon = () => (
  <Icon><path d="M6 3h9l4 4v14H6zM14 3v5h5M9 13h7M9 17h5" /></Icon>
);
export const ActivityIcon = () => (
  <Icon><path d="M3 12h4l3-8 4 16 3-8h4" /></Icon>
);
export const SettingsIcon = () => (
  <Icon><path d="M4 7h9M17 7h3M4 17h3M11 17h9" /><circle cx="15" cy="7" r="2" /><circle cx="9" cy="17" r="2" /></Icon>
);
export const CheckIcon = ({ className }: { className?: string }) => (
  <Icon className={className ?? "icon"}><path d="M5 12.5l4.5 4.5L19 7.5" /></Icon>
);
export const CrossIcon = () => (
  <Icon><path d="M6 6l12 12M18 6L6 18" /></Icon>
);
export const ClockIcon = () => (
  <Icon><circle cx="12" cy="12" r="8.5" /><path d="M12 7.5V12l3 2" /></Icon>
);
export const SpinIcon = () => (
  <Icon className="icon spin"><path d="M12 3.5a8.5 8.5 0 1 1-8.5 8.5" /></Icon>
);
export const StopIcon = () => (
  <Icon><circle cx="12" cy="12" r="8.5" /><path d="M6 18L18 6" /></Icon>
);
export const CopyIcon = () => (
  <Icon><rect x="8" y="8" width="12" height="12" rx="2" /><path d="M16 8V5a1 1 0 0 0-1-1H5a1 1 0 0 0-1 1v10a1 1 0 0 0 1 1h3" /></Icon>
);
export const DownIcon = () => (
  <Icon><path d="M7 10l5 5 5-5" /></Icon>
);
export const DownloadIcon = () => (
  <Icon><path d="M12 4v11M7 11l5 5 5-5M5 20h14" /></Icon>
);
export const PlusIcon = () => (
  <Icon><path d="M12 5v14M5 12h14" /></Icon>
);
export const AgainIcon = () => (
  <Icon><path d="M4 12a8 8 0 1 0 2.5-5.8M4 4v4h4" /></Icon>
);
