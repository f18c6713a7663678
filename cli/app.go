package cli

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// application is one as the API has it.
type application struct {
	ID           string            `json:"id"`
	UID          string            `json:"uid"`
	Name         string            `json:"name"`
	ThrottleRate int               `json:"throttleRate"`
	Metadata     map[string]string `json:"metadata"`
	CreatedAt    time.Time         `json:"createdAt"`
	UpdatedAt    time.Time         `json:"updatedAt"`
}

// newApp returns the commands about applications.
func newApp(host Host) *cobra.Command {
	cmd := host.group("app", "Manages the applications that webhooks are sent for", `
An application is one of your customers: it has endpoints, and gets messages. These
commands ask the API at $HOOKGATE_URL with the token in $HOOKGATE_TOKEN, which the
command token makes. An application is named by its id or its uid.
`)
	cmd.AddCommand(newAppList(host), newAppCreate(host), newAppShow(host), newAppDelete(host))
	return cmd
}

// aboutApp is what is not there if the API answers 404.
func aboutApp(app string) string { return fmt.Sprintf("application %.80q", app) }

// appList is one run of app list.
type appList struct {
	producer
	paging
}

func newAppList(host Host) *cobra.Command {
	l := &appList{producer: newProducer(host)}
	cmd := host.command("list [flags]", "Lists applications, the oldest first", `
Lists the applications, the oldest first.
`, `  PROGRAM webhook app list

  # the ids of all
  PROGRAM webhook app list --all --json | jq -r '.data[].id'`, l.run)
	cmd.Aliases = []string{"ls"}
	l.producer.register(cmd)
	l.paging.register(cmd)
	return cmd
}

func (l *appList) run(cmd *cobra.Command, args []string) error {
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
	page, err := c.list(cmd.Context(), call{method: http.MethodGet, path: []string{"app"}}, l.paging)
	if err != nil {
		return err
	}
	now := l.host.time()
	return printPage(cmd, c, page, "No applications.", []string{"APPLICATION", "UID", "NAME", "RATE", "CREATED"}, func(a *application) []string {
		return []string{a.ID, orDash(a.UID), a.Name, rate(a.ThrottleRate), when(a.CreatedAt, now)}
	})
}

// rate writes a bound of messages a second.
func rate(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n) + "/s"
}

// appCreate is one run of app create.
type appCreate struct {
	producer
	uid  string
	rate int
}

func newAppCreate(host Host) *cobra.Command {
	a := &appCreate{producer: newProducer(host)}
	cmd := host.command("create [flags] <name>", "Creates an application", `
Creates an application, and prints its id. With a uid, which is the name of the
customer in your own system, you need not keep the id: every command and every call of
the API takes the uid in its place.
`, `  PROGRAM webhook app create --uid customer-42 "Acme Ltd"`, a.run)
	a.register(cmd)
	cmd.Flags().StringVar(&a.uid, "uid", "", "Your own id of it")
	cmd.Flags().IntVar(&a.rate, "rate", 0, "How many messages a second each of its endpoints gets at most (default: any number)")
	return cmd
}

func (a *appCreate) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the name"); err != nil {
		return err
	}
	body := map[string]any{"name": args[0]}
	if a.uid != "" {
		body["uid"] = a.uid
	}
	if cmd.Flags().Changed("rate") {
		body["throttleRate"] = a.rate
	}
	c, err := a.open(&stdin{Reader: cmd.InOrStdin()})
	if err != nil {
		return err
	}
	var made application
	answer, err := c.do(cmd.Context(), call{method: http.MethodPost, path: []string{"app"}, body: body}, &made)
	if err != nil {
		return err
	}
	return c.print(cmd, answer, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, safe(made.ID))
		return err
	})
}

// appShow is one run of app show.
type appShow struct{ producer }

func newAppShow(host Host) *cobra.Command {
	s := &appShow{newProducer(host)}
	cmd := host.command("show [flags] <application>", "Shows one application", `
Shows an application, which is named by its id or uid.
`, `  PROGRAM webhook app show customer-42`, s.run)
	s.register(cmd)
	return cmd
}

func (s *appShow) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the application"); err != nil {
		return err
	}
	c, err := s.open(&stdin{Reader: cmd.InOrStdin()})
	if err != nil {
		return err
	}
	var a application
	answer, err := c.do(cmd.Context(), call{method: http.MethodGet, path: []string{"app", args[0]}, about: aboutApp(args[0])}, &a)
	if err != nil {
		return err
	}
	now := s.host.time()
	return c.print(cmd, answer, func(w io.Writer) error {
		return writeFields(w, append([][2]string{
			{"application", a.ID},
			{"uid", a.UID},
			{"name", a.Name},
			{"rate", rate(a.ThrottleRate)},
			{"created", exactly(a.CreatedAt, now)},
			{"updated", exactly(a.UpdatedAt, now)},
		}, metadata(a.Metadata)...))
	})
}

// appDelete is one run of app delete.
type appDelete struct {
	producer
	yes bool
}

func newAppDelete(host Host) *cobra.Command {
	d := &appDelete{producer: newProducer(host)}
	cmd := host.command("delete [flags] <application>", "Deletes an application", `
Deletes an application with its endpoints, for good. What waits for them is not sent
any more, and its tokens and portal links end.
`, `  PROGRAM webhook app delete --yes customer-42`, d.run)
	d.register(cmd)
	cmd.Flags().BoolVar(&d.yes, "yes", false, "Do not ask")
	return cmd
}

func (d *appDelete) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the application"); err != nil {
		return err
	}
	in := &stdin{Reader: cmd.InOrStdin()}
	c, err := d.open(in)
	if err != nil {
		return err
	}
	what := call{method: http.MethodDelete, path: []string{"app", args[0]}, about: aboutApp(args[0])}
	return c.delete(cmd, what, d.yes, fmt.Sprintf("Delete the application %s, its endpoints and all that waits for them?", safe(args[0])), "Application "+safe(args[0])+" is deleted.")
}
