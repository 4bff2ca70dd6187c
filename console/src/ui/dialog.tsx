// A question in front of the page.
import { Dialog as AriaDialog } from "react-aria-components/Dialog";
import { Heading } from "react-aria-components/Heading";
import { Modal, ModalOverlay } from "react-aria-components/Modal";
import { type ReactNode, useState } from "react";
import { explain } from "../api/client";
import { Button } from "./button";
import { Notice } from "./states";

export function Dialog(props: {
  title: string;
  open: boolean;
  onClose: () => void;
  children: ReactNode;
}) {
  return (
    <ModalOverlay
      className="overlay"
      isOpen={props.open}
      onOpenChange={(open) => {
        if (!open) props.onClose();
      }}
      isDismissable
    >
      <Modal>
        <AriaDialog className="dialog">
          <Heading slot="title" level={2}>
            {props.title}
          </Heading>
          {props.children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}

// Thrown by what a Confirm does when the field itself says what is wrong.
export class FieldProblem extends Error {}

// Asks before something that cannot be taken back; shows what went wrong and stays.
export function Confirm(props: {
  title: string;
  open: boolean;
  action: string;
  danger?: boolean;
  children: ReactNode;
  onClose: () => void;
  onConfirm: () => Promise<void>;
}) {
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const go = async () => {
    setBusy(true);
    setError(null);
    try {
      await props.onConfirm();
      props.onClose();
    } catch (caught) {
      if (!(caught instanceof FieldProblem)) setError(caught);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={props.title} open={props.open} onClose={props.onClose}>
      {props.children}
      {error !== null && <Notice kind="bad" {...explain(error)} />}
      <div className="buttons">
        <Button kind={props.danger ? "danger" : "primary"} onPress={() => void go()} isDisabled={busy}>
          {props.action}
        </Button>
        <Button kind="quiet" onPress={props.onClose}>
          Keep it as it is
        </Button>
      </div>
    </Dialog>
  );
}
