package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/gateway"
)

// stats is one run of the stats command.
type stats struct{ admin }

func newStats(host Host) *cobra.Command {
	s := &stats{admin{host: host, offline: true}}
	cmd := host.command("stats [flags]", "Shows how full the store is", `
Shows what the store holds, how much room is left, and how many events wait or were
given up, by destination.
`, `  PROGRAM webhook stats

  # with the gateway stopped
  PROGRAM webhook stats --store /var/lib/caddy/webhooks/events.db`, s.run)
	s.register(cmd)
	return cmd
}

func (s *stats) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 0, ""); err != nil {
		return err
	}
	return s.with(cmd, func(c *client) error {
		var stats gateway.Stats
		answer, err := c.get(cmd.Context(), "stats", nil, &stats)
		if err != nil {
			return err
		}
		return c.print(cmd, answer, func(w io.Writer) error { return writeStats(w, &stats) })
	})
}

func writeStats(w io.Writer, s *gateway.Stats) error {
	var b strings.Builder
	accepts := "accepting"
	if s.Trouble != "" {
		accepts = s.Trouble
	}
	fields := [][2]string{{"state", accepts}, {"used", humanize.IBytes(uint64(s.Used))}, {"free", "unknown"}}
	if s.Free >= 0 {
		fields[2][1] = humanize.IBytes(uint64(s.Free))
	}
	if s.Keys >= 0 {
		fields = append(fields, [2]string{"keys", strconv.Itoa(s.Keys)})
	}
	for _, field := range append(fields, [2]string{"pending", strconv.FormatInt(s.Pending, 10)}, [2]string{"dead", strconv.FormatInt(s.Dead, 10)}) {
		fmt.Fprintf(&b, "%-7s  %s\n", field[0], safe(field[1]))
	}
	if len(s.Destinations) > 0 {
		b.WriteString("\n")
		rows := [][]string{{"DESTINATION", "PENDING", "DEAD"}}
		for _, d := range s.Destinations {
			rows = append(rows, []string{d.Destination, strconv.FormatInt(d.Pending, 10), strconv.FormatInt(d.Dead, 10)})
		}
		if err := writeTable(&b, rows); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// backup is one run of the backup command.
type backup struct{ admin }

func newBackup(host Host) *cobra.Command {
	b := &backup{admin{host: host, offline: true}}
	cmd := host.command("backup [flags] <file>", "Copies the store while it is in use", `
Writes a consistent copy of the whole store to a new file, and checks it. Events are
accepted and forwarded meanwhile. It is the gateway that writes the file: on its
machine, or in its container, and as its user. Nothing is overwritten.

The copy is a store like the original: to restore it, stop the gateway and put it in
the place of the old file, whose -wal and -shm are removed.
`, `  PROGRAM webhook backup /var/backups/events-$(date +%F).db

  # with the gateway stopped
  PROGRAM webhook backup --store /var/lib/caddy/webhooks/events.db /var/backups/events.db`, b.run)
	b.register(cmd)
	return cmd
}

func (b *backup) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the file"); err != nil {
		return err
	}
	path, err := filepath.Abs(args[0])
	if err != nil {
		return err
	}
	return b.with(cmd, func(c *client) error {
		answer, err := c.post(cmd.Context(), "backup", gateway.BackupRequest{Path: path}, &struct{}{})
		if err != nil {
			return err
		}
		return c.print(cmd, answer, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "Copied to %s, and checked.\n", safe(path))
			return err
		})
	})
}
