package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// eventsChange is one run of a command that changes one event.
type eventsChange struct {
	admin
	action string
	done   string // what is told then; %d is the event's number
	// question is asked before; empty if the change can be undone.
	question string
	yes      bool
	// destination is which delivery is changed, where the action is about one; "" if the
	// event has only one.
	destination string
}

func newEventsRetry(host Host) *cobra.Command {
	c := &eventsChange{admin: admin{host: host}, action: "retry", done: "Event %d is due now."}
	cmd := host.command("retry [flags] <event>", "Delivers one event now", `
Makes a pending event due now, and starts the schedule of one that was delivered or
given up anew. While its source is paused, it waits all the same. Of an event that goes
to several places, --destination says which delivery is meant; "events show" lists them.
`, `  PROGRAM webhook events retry 1771604751000000

  # a message of the producer orders, to the second of its targets
  PROGRAM webhook events retry --destination send/orders/1 1771604751000000`, c.run)
	c.register(cmd)
	destinationFlag(cmd, &c.destination)
	return cmd
}

func newEventsForget(host Host) *cobra.Command {
	c := &eventsChange{admin: admin{host: host}, action: "forget", done: "Event %d is forgotten: its next copy is as new."}
	cmd := host.command("forget [flags] <event>", "Takes the next copy of an event for a new one", `
Makes the gateway forget that it knows an event, so that the sender may send it
again: its next copy is stored and forwarded as a new event. The event itself stays
as it is, and is delivered if it is pending.
`, `  PROGRAM webhook events forget travtus/msg_2KWPBgLlAfxdpx2AI54pPJ85f4W`, c.run)
	c.register(cmd)
	return cmd
}

func newEventsErase(host Host) *cobra.Command {
	c := &eventsChange{
		admin: admin{host: host}, action: "erase", done: "The payload of event %d is erased.",
		question: "Erase the payload of event %d? This cannot be undone.",
	}
	cmd := host.command("erase [flags] <event>", "Deletes the payload of an event for good", `
Deletes an event's headers and body, and what its attempts were answered, from the
store. Copies in earlier backups stay. A pending event becomes dead; the event's id,
type and times are kept, so that its copies are still known.
`, `  PROGRAM webhook events erase --yes 1771604751000000`, c.run)
	c.register(cmd)
	cmd.Flags().BoolVar(&c.yes, "yes", false, "Do not ask")
	return cmd
}

func (e *eventsChange) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the event"); err != nil {
		return err
	}
	return e.with(cmd, func(c *client) error {
		seq, err := c.event(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if e.question != "" && !e.yes {
			agreed, err := e.host.confirm(cmd, fmt.Sprintf(e.question, seq))
			if err != nil {
				return err
			}
			if !agreed {
				return errors.New("nothing was changed; say that you want it with --yes")
			}
		}
		var body any
		if e.destination != "" {
			body = map[string]string{"destination": e.destination}
		}
		answer, err := c.post(cmd.Context(), eventPath(seq, e.action), body, &struct{}{})
		if err != nil {
			return err
		}
		return c.print(cmd, answer, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, e.done+"\n", seq)
			return err
		})
	})
}
