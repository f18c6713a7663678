package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/postgres"
)

// dsnVariable is the environment variable that holds the connection string.
const dsnVariable = "HOOKGATE_POSTGRES"

// migrate is one run of the migrate command.
type migrate struct {
	host    Host
	dsnFile string
	keep    bool
	dryRun  bool
	json    bool
}

func newMigrate(host Host) *cobra.Command {
	m := &migrate{host: host}
	cmd := host.command("migrate [flags] <file>", "Moves the store from SQLite to PostgreSQL", `
Copies everything from the file of a stopped gateway to an empty PostgreSQL database:
events with their keys and payloads, how far each delivery is, attempts, dead letters,
pauses and jobs. The gateways that are started on it afterwards go on where the one on
the file has ended, and know every duplicate that it knew.

It is one transaction: after a failure, or Ctrl-C, the database is as empty as before,
and the file as it was. What has arrived is counted and compared before it is
committed. Then the file is renamed to <file>.migrated, so that no gateway delivers from
it once more; delete it when you do not want to go back any more.

The connection string may hold a password. It is read from $`+dsnVariable+` or from
a file, never from an argument, which other users of the machine could see. Run the
command as the user of the gateway, who may read the file.
`, `  export `+dsnVariable+`=postgres://hookgate@db.internal/hookgate
  PROGRAM webhook migrate --dry-run /var/lib/caddy/webhooks/events.db
  PROGRAM webhook migrate /var/lib/caddy/webhooks/events.db

  # with the connection string in a file, or from another program
  PROGRAM webhook migrate --dsn-file /run/secrets/postgres /data/caddy/webhooks/events.db
  pass hookgate/postgres | PROGRAM webhook migrate --dsn-file - events.db`, m.run)
	flags := cmd.Flags()
	flags.StringVar(&m.dsnFile, "dsn-file", "", "File that holds the connection string; - is standard input (default: $"+dsnVariable+")")
	flags.BoolVar(&m.keep, "keep", false, "Do not rename the file")
	flags.BoolVar(&m.dryRun, "dry-run", false, "Only count, and check that it can be done")
	flags.BoolVar(&m.json, "json", false, "Print JSON")
	return cmd
}

func (m *migrate) run(cmd *cobra.Command, args []string) (err error) {
	if err := want(args, 1, "the file of the store"); err != nil {
		return err
	}
	dsn, err := m.dsn(&stdin{Reader: cmd.InOrStdin()})
	if err != nil {
		return err
	}
	to, err := postgres.New(dsn, nil)
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	from, err := openSource(ctx, args[0], m.renames(), m.host.Migrations)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	r, err := m.move(ctx, cmd, from, to)
	switch {
	case errors.Is(err, store.ErrCommit):
		return fmt.Errorf("%w; run the command again, which says whether it was", err)
	case err != nil && ctx.Err() != nil:
		cmd.PrintErrf("Interrupted: nothing was moved. The file and the database are as they were.\n")
		return errInterrupted
	case err != nil:
		return err
	}
	if m.renames() {
		// Before anybody else can have the file, who waits for its lock.
		if r.Renamed, err = from.rename(); err != nil {
			return fmt.Errorf("everything is in PostgreSQL, but putting the file aside has failed: %w; make sure that %s has another name before any gateway starts, or it delivers from there once more", err, r.From)
		}
	}
	return r.print(cmd, m)
}

// renames reports whether the file is to be renamed.
func (m *migrate) renames() bool { return !m.keep && !m.dryRun }

// dsn reads the connection string.
func (m *migrate) dsn(in *stdin) (string, error) {
	ref := secretRef{env: dsnVariable}
	switch _, set := os.LookupEnv(dsnVariable); {
	case m.dsnFile == "-":
		ref = secretRef{}
	case m.dsnFile != "":
		ref = secretRef{file: m.dsnFile}
	case !set:
		return "", fmt.Errorf("where to? Export the connection string as %s, or name a file that holds it with --dsn-file", dsnVariable)
	}
	dsn, err := ref.read(in)
	if err == nil && dsn == "" {
		err = fmt.Errorf("the connection string in %s is empty", ref)
	}
	return dsn, err
}

// move counts, and moves unless that is all that is asked for.
func (m *migrate) move(ctx context.Context, cmd *cobra.Command, from *source, to *postgres.Database) (*migration, error) {
	if err := to.Vacant(ctx, from.Tables()); err != nil {
		return nil, m.occupied(ctx, err, from)
	}
	for _, warning := range to.Warnings() {
		cmd.PrintErrf("Warning: %s.\n", safe(warning))
	}
	cmd.PrintErrf("Counting what is in %s.\n", safe(from.path))
	all, err := from.Inventory(ctx)
	if err != nil {
		return nil, err
	}
	r := newMigration(from.path, to.Name(), all)
	if m.dryRun {
		r.DryRun = true
		return r, nil
	}
	started := time.Now()
	show := &copying{progress: progress{out: cmd.ErrOrStderr(), redraw: m.host.atTerminal(cmd.ErrOrStderr())}, all: all, took: func() time.Duration { return time.Since(started) }}
	moved, err := from.Move(ctx, to, all, show.show)
	show.end()
	if err != nil {
		return nil, err
	}
	r.Damaged, r.Replaced, r.Seconds = moved.Damaged, moved.Replaced, time.Since(started).Seconds()
	return r, nil
}

// occupied says what to do about a database in which there is something.
func (m *migrate) occupied(ctx context.Context, err error, from *source) error {
	var occupied *store.OccupiedError
	if !errors.As(err, &occupied) {
		return err
	}
	hint := "name an empty database, or another schema with search_path in the connection string; two stores cannot be joined"
	if all, counting := from.Inventory(ctx); counting == nil && occupied.Table == "events" && occupied.Rows == all.Events {
		hint = fmt.Sprintf("that is what is in the file, so an earlier run may have moved it: if so, rename the file (mv %s %s), and start the gateways on PostgreSQL", from.path, from.path+migratedSuffix)
	}
	return fmt.Errorf("the database holds %d %s already: %s", occupied.Rows, occupied.Table, hint)
}
