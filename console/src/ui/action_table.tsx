// A list of actions.
import { Link } from "react-router";
import type { MachineAction } from "../api/types";
import { commandLine, TYPE_WORDS } from "../run/draft";
import { Foreign, Status, Time } from "./show";

export function ActionTable({ actions, machine }: { actions: readonly MachineAction[]; machine: boolean }) {
  return (
    <div className="table-wrap">
      <table className="table cards">
        <thead>
          <tr>
            <th scope="col">Commands</th>
            <th scope="col" className="tight">Status</th>
            {machine && <th scope="col">Machine</th>}
            {machine && <th scope="col">By</th>}
            <th scope="col" className="tight">Created</th>
          </tr>
        </thead>
        <tbody>
          {actions.map((action) => (
            <tr key={action.id}>
              <td className="head">
                <Link className="main-link" to={`/actions/${action.id}`}>
                  <Summary action={action} />
                </Link>
                <div className="muted small clip">
                  {!machine && <Foreign text={action.requestor} />}
                  {!machine && action.requestorComment && ": "}
                  <Foreign text={action.requestorComment} />
                </div>
              </td>
              <td className="tight" data-label="Status">
                <Status status={action.status} />
              </td>
              {machine && (
                <td data-label="Machine">
                  <Link to={`/machines/${action.machineId}`}>
                    <Foreign text={action.computerDnsName} />
                  </Link>
                </td>
              )}
              {machine && (
                <td data-label="By">
                  <Foreign text={action.requestor} />
                </td>
              )}
              <td className="tight muted nowrap" data-label="Created">
                <Time at={action.creationDateTimeUtc} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Summary({ action }: { action: MachineAction }) {
  const [first] = action.commands;
  if (!first) return <>{action.type}</>;
  const others = action.commands.length - 1;
  return (
    <>
      <span className="muted">{TYPE_WORDS[first.command.type] ?? first.command.type}</span>{" "}
      <span className="mono">
        <Foreign text={commandLine(first.command)} />
      </span>
      {others > 0 && <span className="muted"> and {others} more</span>}
    </>
  );
}
