package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/verifier"
)

// verify is one run of the verify command.
type verify struct {
	setup
	gateway                                            admin
	header                                             []string
	headers, request, event, at, tolerance, url, clock string
	json                                               bool
}

func newVerify(host Host) *cobra.Command {
	v := &verify{setup: setup{host: host}, gateway: admin{host: host, offline: true}}
	cmd := host.command("verify [flags] [<body file>|-]", "Says whether a webhook is genuine, or why not", `
Verifies one webhook as the gateway does. If it is refused, common mistakes are
tried: other readings of the secret, other spellings of the headers, other forms of
the body and the URL. What explains the refusal is printed as plain sentences, the
cause first, then over which bytes the signature was checked; and never a secret or
an expected signature.

There are three ways to say which webhook:

  --request <file>   a capture: a whole HTTP request, the output of curl -v,
                     --trace or --trace-ascii, or the JSON that
                     webhook events show --payload --json prints
  --event <event>    one that a gateway has stored, by its number or <source>/<id>
  -H, --headers      headers one by one, or a file of them as logs show them

The body is in the capture, or in the file that is named, or comes on standard input;
it has to be byte for byte what was received. What is stored by a gateway lacks what
is never stored, such as a token or Authorization.

A captured webhook is judged as of now, a stored one as of when it was received, and
with --at as of any time. If only its age is wrong, the report says whether it would
have been accepted at the time that it names itself.

The exit status is 0 if the webhook is accepted, 1 if it is refused, and 2 if there
is no verdict.
`, `  export SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw

  # accepted at the time it was sent
  printf '{"test": 2432232314}' | PROGRAM webhook verify --secret-env SECRET --at 1614265330 \
    -H 'svix-id: msg_p5jXN8AQM9LWM0D4loKWxJek' -H 'svix-timestamp: 1614265330' \
    -H 'svix-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='

  # what sign prints is what verify reads
  printf '{"type":"ping"}' > event.json
  PROGRAM webhook sign --secret-env SECRET event.json > headers.txt
  PROGRAM webhook verify --secret-env SECRET --headers headers.txt event.json

  # a saved request, whose body has got a newline: refused, and told why
  { echo 'POST /hooks HTTP/1.1'; cat headers.txt; echo; cat event.json; echo; } > captured.http
  PROGRAM webhook verify --secret-env SECRET --request captured.http || test $? = 1

  # the same, of what a gateway has stored (with --admin or --store if need be)
  # PROGRAM webhook verify --secret-env SECRET --event travtus/msg_2KWPBgLlAfxdpx2AI54pPJ85f4W`, v.run)
	v.register(cmd)
	v.gateway.registerPlace(cmd.Flags())
	flags := cmd.Flags()
	flags.StringArrayVarP(&v.header, "header", "H", nil, `Header, written "Name: value" (repeatable)`)
	flags.StringVar(&v.headers, "headers", "", "File with header lines")
	flags.StringVar(&v.request, "request", "", "File with a captured request")
	flags.StringVar(&v.event, "event", "", "Event that a gateway has stored: its number, or <source>/<id>")
	flags.StringVar(&v.at, "at", "", "Time of receipt, in RFC 3339 or seconds since 1970 (default: now, of a stored event when it was received)")
	flags.StringVar(&v.tolerance, "tolerance", "", `How old the timestamp may be, and how far ahead, as "5m" or "5m 1m" (default: the scheme's)`)
	flags.StringVar(&v.url, "url", "", "The URL as the provider has it, for schemes that sign it")
	flags.BoolVar(&v.json, "json", false, "Print the verdict as JSON")
	return cmd
}

func (v *verify) run(cmd *cobra.Command, args []string) error {
	in := &stdin{Reader: cmd.InOrStdin()}
	secrets, err := v.secrets.read(in)
	if err != nil {
		return err
	}
	saved, err := v.read(cmd, args, in)
	if err != nil {
		return err
	}
	if saved.scheme != "" && !cmd.Flags().Changed("scheme") {
		v.scheme = saved.scheme
	}
	scheme, err := v.find()
	if err != nil {
		return err
	}
	now, err := v.time(&saved)
	if err != nil {
		return err
	}
	o := verifier.Options{PublicURL: v.url, AllowWeak: true}
	if o.Past, o.Future, err = parseTolerance(v.tolerance); err != nil {
		return fmt.Errorf("--tolerance: %w", err)
	}
	x, err := verifier.Explain(scheme, secrets, o, saved.request, saved.body, now)
	if err != nil && len(x.Findings) == 0 {
		return err
	}
	report := newReport(scheme.Name, x, err, now)
	report.Clock = v.clock
	if x.Authentic {
		report.Matched = fmt.Sprintf("%d of %d, %s", x.Verified.Secret+1, len(secrets), v.secrets.refs[x.Verified.Secret])
	}
	if x.Authentic && x.Err != nil {
		then, err := verifier.Explain(scheme, secrets, o, saved.request, saved.body, x.Verified.Timestamp)
		report.Then = err == nil && then.Err == nil
	}
	if !report.Accepted && saved.note != "" {
		report.Notes = []string{saved.note}
	}
	if werr := report.write(cmd.OutOrStdout(), v.json); werr != nil {
		return werr
	}
	switch {
	case err != nil:
		return err
	case x.Err != nil:
		return errRefused
	}
	return nil
}

// time is as of when the webhook is judged.
func (v *verify) time(saved *capture) (time.Time, error) {
	switch {
	case v.at != "":
		at, err := parseTime(v.at)
		if err != nil {
			return at, fmt.Errorf("--at: %w", err)
		}
		return at, nil
	case !saved.received.IsZero():
		v.clock = "when it was received, " + saved.received.UTC().Format(time.RFC3339Nano)
		return saved.received, nil
	default:
		return v.host.time(), nil
	}
}

// read returns the webhook, from wherever the flags say it is.
func (v *verify) read(cmd *cobra.Command, args []string, in *stdin) (c capture, err error) {
	if v.event == "" && (v.gateway.address != "" || v.gateway.file != "") {
		return c, errors.New("--admin and --store say where --event is; name an event")
	}
	switch ways := []bool{v.request != "", v.event != "", v.headers != "" || len(v.header) > 0}; {
	case ways[0] && (ways[1] || ways[2]):
		return c, errors.New("--request names head and body: give no other header and no event")
	case ways[1] && (ways[2] || len(args) > 0):
		return c, errors.New("--event names head and body: give no other header or body")
	case ways[0]:
		return v.readRequest(args, in)
	case ways[1]:
		return v.gateway.stored(cmd.Context(), v.event)
	case !ways[2]:
		return c, errors.New("there are no headers; give them with -H, --headers, --request or --event")
	}
	return v.readParts(args, in)
}

// readRequest reads a capture, and the body from elsewhere if an argument names it.
func (v *verify) readRequest(args []string, in *stdin) (c capture, err error) {
	data, err := in.readFile(v.request, "the request")
	if err != nil {
		return c, err
	}
	if c, err = readCapture(data); err != nil {
		return c, fmt.Errorf("--request %s: %w", v.request, err)
	}
	if len(args) > 0 {
		c.note = ""
		c.body, _, err = readBody(args, in)
		return c, err
	}
	if c.without {
		return c, fmt.Errorf("--request %s shows no body; name the file that holds it, or put it below the head", v.request)
	}
	return c, nil
}

// readParts reads headers from flags or a file, and the body from elsewhere.
func (v *verify) readParts(args []string, in *stdin) (c capture, err error) {
	c.request = newRequest()
	if v.headers != "" {
		head, err := in.readFile(v.headers, "the headers")
		if err != nil {
			return c, err
		}
		if err := addHead(c.request, string(head)); err != nil {
			return c, fmt.Errorf("--headers %s: %w", v.headers, err)
		}
	}
	for i, line := range v.header {
		if err := addHeader(c.request, line); err != nil {
			return c, fmt.Errorf("-H number %d: %w", i+1, err)
		}
	}
	c.body, _, err = readBody(args, in)
	return c, err
}

// parseTolerance reads one or two durations.
func parseTolerance(text string) (past, future time.Duration, err error) {
	fields := strings.Fields(text)
	if len(fields) > 2 {
		return 0, 0, errors.New("there are two at most, past and future")
	}
	for i, to := range []*time.Duration{&past, &future} {
		if i >= len(fields) {
			break
		}
		d, err := verifier.ParseDuration(fields[i])
		if err != nil {
			return 0, 0, err
		}
		if *to = time.Duration(d); *to <= 0 {
			return 0, 0, errors.New("a tolerance is longer than 0")
		}
	}
	return past, future, nil
}
