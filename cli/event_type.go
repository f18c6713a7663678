package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// eventTypeInfo is an event type as the API has it.
type eventTypeInfo struct {
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Archived    bool      `json:"archived"`
	Deprecated  bool      `json:"deprecated"`
	CreatedAt   time.Time `json:"createdAt"`
}

func (e *eventTypeInfo) state() string {
	switch {
	case e.Archived:
		return "archived"
	case e.Deprecated:
		return "deprecated"
	}
	return "-"
}

// newEventType returns the commands about event types.
func newEventType(host Host) *cobra.Command {
	cmd := host.group("event-type", "Manages the event types that endpoints can ask for", `
An event type is what a message is about, as invoice.paid. Messages may have any, but an
endpoint can only ask for those that are listed here, with endpoint add --events. These
commands ask the API at $HOOKGATE_URL with the token in $HOOKGATE_TOKEN, which the
command token makes.
`)
	cmd.AddCommand(newEventTypeList(host), newEventTypeAdd(host), newEventTypeDelete(host))
	return cmd
}

// aboutEventType is what is not there if the API answers 404.
func aboutEventType(name string) string { return fmt.Sprintf("event type %.80q", name) }

// eventTypeList is one run of event-type list.
type eventTypeList struct {
	producer
	paging
	archived bool
}

func newEventTypeList(host Host) *cobra.Command {
	l := &eventTypeList{producer: newProducer(host)}
	cmd := host.command("list [flags]", "Lists event types by name", `
Lists the event types by their names.
`, `  PROGRAM webhook event-type list`, l.run)
	cmd.Aliases = []string{"ls"}
	l.producer.register(cmd)
	l.paging.register(cmd)
	cmd.Flags().BoolVar(&l.archived, "archived", false, "Those that were deleted, too")
	return cmd
}

func (l *eventTypeList) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 0, ""); err != nil {
		return err
	}
	if err := l.check(cmd); err != nil {
		return err
	}
	c, err := l.open(&stdin{Reader: cmd.InOrStdin()})
	if err != nil {
		return err
	}
	what := call{method: http.MethodGet, path: []string{"event-type"}}
	if l.archived {
		what.query = map[string][]string{"include_archived": {"true"}}
	}
	page, err := c.list(cmd.Context(), what, l.paging)
	if err != nil {
		return err
	}
	now := l.host.time()
	return printPage(cmd, c, page, "No event types.", []string{"EVENT TYPE", "STATE", "CREATED", "DESCRIPTION"}, func(e *eventTypeInfo) []string {
		return []string{e.Name, e.state(), when(e.CreatedAt, now), e.Description}
	})
}

// eventTypeAdd is one run of event-type add.
type eventTypeAdd struct {
	producer
	description, example string
}

func newEventTypeAdd(host Host) *cobra.Command {
	a := &eventTypeAdd{producer: newProducer(host)}
	cmd := host.command("add [flags] <name>", "Adds an event type", `
Adds an event type, or brings back one that was deleted. Its example is what endpoint
test --event sends.
`, `  printf '{"invoice":"in_1","amount":4200}' > example.json
  PROGRAM webhook event-type add --description "An invoice was paid" --example example.json invoice.paid`, a.run)
	a.register(cmd)
	cmd.Flags().StringVar(&a.description, "description", "", "What has happened, for people")
	cmd.Flags().StringVar(&a.example, "example", "", "File with a payload as an example, a JSON object; - is standard input")
	return cmd
}

func (a *eventTypeAdd) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the name"); err != nil {
		return err
	}
	in := &stdin{Reader: cmd.InOrStdin()}
	c, err := a.open(in)
	if err != nil {
		return err
	}
	body := map[string]any{"name": args[0], "description": a.description}
	if a.example != "" {
		example, err := in.readFile(a.example, "the example")
		if err != nil {
			return fmt.Errorf("--example: %w", err)
		}
		if example = bytes.TrimSpace(example); !isObject(example) {
			return errors.New("--example: it has to be a JSON object")
		}
		body["schemas"] = map[string]any{"1": map[string]any{"type": "object", "examples": []json.RawMessage{example}}}
	}
	var made eventTypeInfo
	answer, err := c.do(cmd.Context(), call{method: http.MethodPost, path: []string{"event-type"}, body: body}, &made)
	if err != nil {
		return err
	}
	return c.print(cmd, answer, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "Event type %s is added.\n", safe(made.Name))
		return err
	})
}

// isObject reports whether a text is one JSON object, without space around it.
func isObject(text []byte) bool { return json.Valid(text) && text[0] == '{' }

// eventTypeDelete is one run of event-type delete.
type eventTypeDelete struct {
	producer
	yes bool
}

func newEventTypeDelete(host Host) *cobra.Command {
	d := &eventTypeDelete{producer: newProducer(host)}
	cmd := host.command("delete [flags] <name>", "Archives an event type", `
Archives an event type: no endpoint can ask for it any more. Those that do keep it, and
messages of the type go on as before. event-type add brings it back.
`, `  PROGRAM webhook event-type delete --yes invoice.paid`, d.run)
	d.register(cmd)
	cmd.Flags().BoolVar(&d.yes, "yes", false, "Do not ask")
	return cmd
}

func (d *eventTypeDelete) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the event type"); err != nil {
		return err
	}
	c, err := d.open(&stdin{Reader: cmd.InOrStdin()})
	if err != nil {
		return err
	}
	name := safe(args[0])
	what := call{method: http.MethodDelete, path: []string{"event-type", args[0]}, about: aboutEventType(args[0])}
	return c.delete(cmd, what, d.yes, "Archive the event type "+name+"?", "Event type "+name+" is archived.")
}
