// Command bench measures what Hookgate costs, always as a ratio to a reference in
// the same run: by default the gateway beside plain Caddy under load, with -stored
// gateways that store events, with -postgres those that store them in PostgreSQL, with
// -producer one that sends, with -portal one that people look at, with -verify one verification beside a bare HMAC. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 1 && args[0] == bareArgument {
		return runBare(ctx, os.Stdin, os.Stdout)
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	verify := flags.Bool("verify", false, "measure one verification beside a bare HMAC, instead of servers")
	stored := flags.Bool("stored", false, "measure gateways that store events and forward them")
	producer := flags.Bool("producer", false, "measure a gateway that sends, beside a bare loop of posts")
	portal := flags.Bool("portal", false, "measure what viewers of the portal cost, and how long its pages take")
	shared := flags.Bool("postgres", false, "measure gateways that store events in PostgreSQL, beside one with SQLite")
	quick := flags.Bool("quick", false, "measure shorter: for a first look, noisier")
	check := flags.Bool("check", false, "exit with 1 if a goal is missed")
	size := flags.Int("size", 1<<10, "bytes of a body (servers only)")
	connections := flags.Int("connections", 64, "connections at once (servers only)")
	profile := flags.String("profile", "", "write profiles of the servers to `prefix`.<name>.cpu.pprof and prefix.<name>.allocs.pprof, instead of comparing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || *connections < 1 || count(*verify, *stored, *shared, *producer, *portal) > 1 {
		return errors.New("there are no arguments, at least 1 connection, and one of -verify, -stored, -postgres, -producer and -portal at most")
	}

	// The sender has the servers' cores: the less it collects, the steadier they
	// are.
	debug.SetGCPercent(400)
	var goals []goal
	var err error
	switch {
	case *verify:
		goals, err = compareVerify(ctx, os.Stdout, *quick)
	case *stored:
		// Long slices: a store does part of its work some time after the answers.
		l, rounds, backlog := load{connections: *connections, requests: 30_000, slices: 3, warmup: 5_000, seconds: 10}, 5, 1_000_000
		if *quick {
			l.requests, l.slices, l.warmup, l.seconds, rounds, backlog = 10_000, 1, 1_000, 2, 3, 100_000
		}
		goals, err = compareStored(ctx, os.Stdout, l, rounds, *size, backlog, *profile)
	case *shared:
		l, rounds, backlog := load{connections: *connections, requests: 20_000, slices: 1, warmup: 2_000, seconds: 5}, 3, 1_000_000
		if *quick {
			l.requests, l.slices, l.warmup, l.seconds, rounds, backlog = 10_000, 1, 1_000, 2, 3, 50_000
		}
		goals, err = comparePostgres(ctx, os.Stdout, l, rounds, *size, backlog, *profile)
	case *producer:
		l, rounds := load{connections: *connections, requests: 5_000, slices: 2, warmup: 1_000, seconds: 6}, 5
		if *quick {
			l.requests, l.slices, l.warmup, l.seconds, rounds = 2_000, 1, 500, 3, 3
		}
		goals, err = compareProducer(ctx, os.Stdout, l, rounds, *size, *profile)
	case *portal:
		l, rounds, messages, looks := load{connections: *connections, warmup: 2_000, seconds: 4}, 15, 1_000_000, 20
		if *quick {
			l.warmup, l.seconds, rounds, messages, looks = 1_000, 3, 4, 100_000, 5
		}
		goals, err = comparePortal(ctx, os.Stdout, l, rounds, *size, messages, looks)
	default:
		l, rounds := load{connections: *connections, requests: 30_000, slices: 30, warmup: 5_000}, 5
		if *quick {
			l.requests, l.slices, l.warmup, rounds = 10_000, 10, 1_000, 3
		}
		goals, err = compare(ctx, os.Stdout, l, rounds, *size, *profile)
	}
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if err != nil {
		return err
	}
	if n := missed(goals); *check && n > 0 {
		return fmt.Errorf("%d of %d goals missed", n, len(goals))
	}
	return nil
}

// count returns how many are set.
func count(flags ...bool) (n int) {
	for _, set := range flags {
		if set {
			n++
		}
	}
	return n
}
