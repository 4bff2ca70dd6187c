import { createRoot } from "react-dom/client";
import { App } from "./app/app";
import { applyTheme, readTheme } from "./theme";
import "./styles/index.css";

applyTheme(readTheme());
createRoot(document.getElementById("app") as HTMLElement).render(<App />);
