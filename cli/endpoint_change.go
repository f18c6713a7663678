package cli

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"
)

// endpointFlags say what an endpoint is like.
type endpointFlags struct {
	events, channels         []string
	scheme, description, uid string
	rate                     int
}

func (f *endpointFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.events, "events", nil, "Event types it gets, as invoice.paid,invoice.sent (default: all)")
	flags.StringSliceVar(&f.channels, "channels", nil, "Channels of which it gets messages (default: all)")
	flags.StringVar(&f.scheme, "scheme", "", "How its webhooks are signed: svix, standard or travelbase (default: svix)")
	flags.StringVar(&f.description, "description", "", "What it is, for people")
	flags.StringVar(&f.uid, "uid", "", "Your own id of it")
	flags.IntVar(&f.rate, "rate", 0, "How many messages a second it gets at most (default: its application's)")
}

// into puts what was given into the body of a request. What is given empty becomes
// null, by which the API takes a value away.
func (f *endpointFlags) into(body map[string]any, cmd *cobra.Command) {
	for _, field := range []struct {
		flag, name string
		value      any
		empty      bool
	}{
		{"events", "eventTypes", f.events, len(f.events) == 0},
		{"channels", "channels", f.channels, len(f.channels) == 0},
		{"scheme", "scheme", f.scheme, false},
		{"description", "description", f.description, false},
		{"uid", "uid", f.uid, f.uid == ""},
		{"rate", "throttleRate", f.rate, f.rate == 0},
	} {
		switch {
		case !cmd.Flags().Changed(field.flag):
		case field.empty:
			body[field.name] = nil
		default:
			body[field.name] = field.value
		}
	}
}

// endpointAdd is one run of endpoint add.
type endpointAdd struct {
	tenant
	endpointFlags
	disabled bool
	secret   oneSecret
}

func newEndpointAdd(host Host) *cobra.Command {
	a := &endpointAdd{tenant: newTenant(host), secret: oneSecret{what: "the signing secret", flag: "secret", optional: true}}
	cmd := host.command("add --app <application> [flags] <url>", "Adds an endpoint", `
Adds an endpoint, and prints its id. Its signing secret is made by the gateway, and
shown by endpoint secret; one that the receiver has already can be given.
`, `  PROGRAM webhook endpoint add --app customer-42 --events invoice.paid,invoice.sent https://api.customer.example/hooks

  # with the secret that the receiver knows, in the headers that it knows
  export SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
  PROGRAM webhook endpoint add --app customer-42 --scheme standard --secret-env SECRET https://api.customer.example/hooks`, a.run)
	a.tenant.register(cmd)
	a.endpointFlags.register(cmd)
	a.secret.register(cmd.Flags())
	cmd.Flags().BoolVar(&a.disabled, "disabled", false, "Send it nothing until endpoint enable")
	return cmd
}

func (a *endpointAdd) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the URL"); err != nil {
		return err
	}
	if err := checkURL(args[0]); err != nil {
		return fmt.Errorf("the endpoint's URL: %w", err)
	}
	in := &stdin{Reader: cmd.InOrStdin()}
	c, app, err := a.open(in)
	if err != nil {
		return err
	}
	secret, err := a.secret.read(in)
	if err != nil {
		return err
	}
	body := map[string]any{"url": args[0]}
	a.into(body, cmd)
	if secret != "" {
		body["secret"] = secret
	}
	if a.disabled {
		body["disabled"] = true
	}
	var made endpoint
	what := call{method: http.MethodPost, path: []string{"app", app, "endpoint"}, body: body, about: aboutApp(app)}
	answer, err := c.do(cmd.Context(), what, &made)
	if err != nil {
		return err
	}
	return c.print(cmd, answer, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, safe(made.ID))
		return err
	})
}

// endpointUpdate is one run of endpoint update.
type endpointUpdate struct {
	tenant
	endpointFlags
	to string
}

func newEndpointUpdate(host Host) *cobra.Command {
	u := &endpointUpdate{tenant: newTenant(host)}
	cmd := host.command("update --app <application> [flags] <endpoint>", "Changes an endpoint", `
Changes what the flags name, and leaves the rest. An empty value takes away what was
there: --events "" lets all event types pass, --uid "" and --rate 0 are none. What
waits for the endpoint goes to the new URL.
`, `  PROGRAM webhook endpoint update --app customer-42 --to https://api.customer.example/v2/hooks ep_1srOrx2ZWZBpBUvZwXKQmoEYga2

  # all event types
  PROGRAM webhook endpoint update --app customer-42 --events "" ep_1srOrx2ZWZBpBUvZwXKQmoEYga2`, u.run)
	u.tenant.register(cmd)
	u.endpointFlags.register(cmd)
	cmd.Flags().StringVar(&u.to, "to", "", "The URL it gets its messages at")
	return cmd
}

func (u *endpointUpdate) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the endpoint"); err != nil {
		return err
	}
	body := map[string]any{}
	u.into(body, cmd)
	if u.to != "" {
		if err := checkURL(u.to); err != nil {
			return fmt.Errorf("--to: %w", err)
		}
		body["url"] = u.to
	}
	if len(body) == 0 {
		return errors.New("there is nothing to change: say what, as --to or --events")
	}
	return u.patch(cmd, args[0], body, "changed")
}

// patch changes an endpoint, and says so.
func (t *tenant) patch(cmd *cobra.Command, name string, body map[string]any, done string) error {
	c, app, err := t.open(&stdin{Reader: cmd.InOrStdin()})
	if err != nil {
		return err
	}
	var changed endpoint
	what := call{method: http.MethodPatch, path: endpointPath(app, name), body: body, about: aboutEndpoint(app, name)}
	answer, err := c.do(cmd.Context(), what, &changed)
	if err != nil {
		return err
	}
	return c.print(cmd, answer, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "Endpoint %s is %s.\n", safe(changed.ID), done)
		return err
	})
}

// endpointSwitch is one run of endpoint disable or enable.
type endpointSwitch struct {
	tenant
	on bool
}

func newEndpointSwitch(host Host, on bool) *cobra.Command {
	s := &endpointSwitch{newTenant(host), on}
	use, short, long := "disable", "Stops sending to an endpoint", `
Sends nothing more to an endpoint, until endpoint enable: what waits for it, and what
comes meanwhile, is not sent. endpoint recover sends it afterwards.
`
	if on {
		use, short, long = "enable", "Sends to an endpoint again", `
Sends messages to an endpoint again, from now on. What it has missed is sent by
endpoint recover.
`
	}
	cmd := host.command(use+" --app <application> [flags] <endpoint>", short, long,
		"  PROGRAM webhook endpoint "+use+" --app customer-42 ep_1srOrx2ZWZBpBUvZwXKQmoEYga2", s.run)
	s.register(cmd)
	return cmd
}

func (s *endpointSwitch) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the endpoint"); err != nil {
		return err
	}
	done := "disabled: nothing is sent to it"
	if s.on {
		done = "enabled"
	}
	return s.patch(cmd, args[0], map[string]any{"disabled": !s.on}, done)
}

// endpointDelete is one run of endpoint delete.
type endpointDelete struct {
	tenant
	yes bool
}

func newEndpointDelete(host Host) *cobra.Command {
	d := &endpointDelete{tenant: newTenant(host)}
	cmd := host.command("delete --app <application> [flags] <endpoint>", "Deletes an endpoint", `
Deletes an endpoint and its secret, for good. What waits for it is not sent any more.
`, `  PROGRAM webhook endpoint delete --app customer-42 --yes ep_1srOrx2ZWZBpBUvZwXKQmoEYga2`, d.run)
	d.register(cmd)
	cmd.Flags().BoolVar(&d.yes, "yes", false, "Do not ask")
	return cmd
}

func (d *endpointDelete) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the endpoint"); err != nil {
		return err
	}
	c, app, err := d.open(&stdin{Reader: cmd.InOrStdin()})
	if err != nil {
		return err
	}
	name := safe(args[0])
	what := call{method: http.MethodDelete, path: endpointPath(app, args[0]), about: aboutEndpoint(app, args[0])}
	return c.delete(cmd, what, d.yes, fmt.Sprintf("Delete the endpoint %s, its secret and all that waits for it?", name), "Endpoint "+name+" is deleted.")
}
