package cli

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/gateway"
)

// sources is one run of the sources command.
type sources struct{ admin }

func newSources(host Host) *cobra.Command {
	s := &sources{admin{host: host}}
	cmd := host.command("sources [flags]", "Lists the sources and how their apps fare", `
Lists the sources of the running gateway, and others that it still has events of.
Their state is that of the app behind them:

  direct  without forward: events are passed on and not stored
  up      it takes events
  down    it does not answer; it is probed every 30 seconds at least
  held    it asked to be left alone for a while
  paused  by the command pause
  parked  the configuration does not have the source any more

What was received, known already and refused is this gateway's own count, since it
started or had the source first. With --json refusals are counted by their reason.

With each secret it says when a request was last signed with it, since the gateway
started: one that is not used any more can be removed. Secrets are counted from 0 as
they stand in the configuration, and are not shown.
`, `  PROGRAM webhook sources`, s.run)
	s.register(cmd)
	return cmd
}

func (s *sources) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 0, ""); err != nil {
		return err
	}
	return s.with(cmd, func(c *client) error {
		var list gateway.SourceList
		answer, err := c.get(cmd.Context(), "sources", nil, &list)
		if err != nil {
			return err
		}
		return c.print(cmd, answer, func(w io.Writer) error { return writeSources(w, list.Sources, s.host.time()) })
	})
}

func writeSources(w io.Writer, list []gateway.SourceInfo, now time.Time) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "No sources.")
		return err
	}
	rows := [][]string{{"SOURCE", "STATE", "RECEIVED", "DUPLICATES", "REFUSED", "PENDING", "DEAD", "OLDEST", "IN FLIGHT", "SECRETS LAST USED"}}
	for _, s := range list {
		row := []string{s.Name, sourceState(&s, now), "-", "-", "-", "-", "-", "-", "-", secretUses(&s, now)}
		if c := s.Traffic; c != nil {
			row[2], row[3], row[4] = strconv.FormatInt(c.Received, 10), strconv.FormatInt(c.Duplicates, 10), strconv.FormatInt(c.RefusedInAll(), 10)
		}
		if s.Destination != "" {
			row[5], row[6] = strconv.FormatInt(s.Pending, 10), strconv.FormatInt(s.Dead, 10)
			row[7], row[8] = when(s.Oldest, now), strconv.Itoa(s.InFlight)
		}
		rows = append(rows, row)
	}
	return writeTable(w, rows)
}

func sourceState(s *gateway.SourceInfo, now time.Time) string {
	switch s.State {
	case gateway.SourcePaused:
		return s.State + " for " + short(now.Sub(s.PausedSince))
	case gateway.SourceDown:
		return s.State + " for " + short(now.Sub(s.DownSince))
	case gateway.SourceHeld:
		return s.State + " for " + short(s.HeldUntil.Sub(now)) + " more"
	default:
		return s.State
	}
}

func secretUses(s *gateway.SourceInfo, now time.Time) string {
	var schemes []string
	for _, scheme := range s.Schemes {
		var uses []string
		for _, secret := range scheme.Secrets {
			use := "never"
			if !secret.LastUsed.IsZero() {
				use = when(secret.LastUsed, now)
			}
			uses = append(uses, fmt.Sprintf("%d: %s", secret.Index, use))
		}
		schemes = append(schemes, scheme.Name+" "+strings.Join(uses, ", "))
	}
	return strings.Join(schemes, "; ")
}

// pause is one run of pause or resume.
type pause struct {
	admin
	action, done string
}

func newPause(host Host) *cobra.Command {
	p := &pause{admin: admin{host: host}, action: "pause", done: "Source %s is paused: its events are stored, and wait.\n"}
	cmd := host.command("pause [flags] <source>", "Lets the events of a source wait", `
Makes a source's events wait: they are verified, stored and answered with 200 as
before, but not forwarded until resume. Attempts in flight end as they would. A pause
outlasts restarts; events that wait are given up no earlier than after it.
`, `  PROGRAM webhook pause travtus`, p.run)
	p.register(cmd)
	return cmd
}

func newResume(host Host) *cobra.Command {
	p := &pause{admin: admin{host: host}, action: "resume", done: "Source %s goes on.\n"}
	cmd := host.command("resume [flags] <source>", "Ends a pause", `
Forwards a source's events again. What waited is delivered oldest first, while new
events are delivered at once.
`, `  PROGRAM webhook resume travtus`, p.run)
	p.register(cmd)
	return cmd
}

func (p *pause) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the source"); err != nil {
		return err
	}
	return p.with(cmd, func(c *client) error {
		answer, err := c.post(cmd.Context(), "sources/"+url.PathEscape(args[0])+"/"+p.action, nil, &struct{}{})
		if err != nil {
			return err
		}
		return c.print(cmd, answer, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, p.done, safe(args[0]))
			return err
		})
	})
}
