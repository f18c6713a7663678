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
	header                               []string
	headers, request, at, tolerance, url string
	json                                 bool
}

func newVerify(host Host) *cobra.Command {
	v := &verify{setup: setup{host: host}}
	cmd := host.command("verify [flags] [<body file>|-]", "Says whether a webhook is genuine, or why not", `
Verifies one webhook as the gateway does. If it is refused, common mistakes are
tried: other readings of the secret, other spellings of the headers, other forms of
the body. Those that explain the refusal are printed as plain sentences, and never a
secret or an expected signature.

The headers are named one by one, or taken from a file: raw header lines, as curl -v
and logs show them. The body is read from standard input unless a file is named, and
has to be byte for byte what was received. Or --request names a file with the whole
request, head and body.

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
  PROGRAM webhook verify --secret-env SECRET --headers headers.txt event.json`, v.run)
	v.register(cmd)
	flags := cmd.Flags()
	flags.StringArrayVarP(&v.header, "header", "H", nil, `Header, written "Name: value" (repeatable)`)
	flags.StringVar(&v.headers, "headers", "", "File with header lines")
	flags.StringVar(&v.request, "request", "", "File with a whole HTTP request")
	flags.StringVar(&v.at, "at", "", "Time of receipt, in RFC 3339 or seconds since 1970 (default: now)")
	flags.StringVar(&v.tolerance, "tolerance", "", `How old the timestamp may be, and how far ahead, as "5m" or "5m 1m" (default: the scheme's)`)
	flags.StringVar(&v.url, "url", "", "The URL as the provider has it, for schemes that sign it")
	flags.BoolVar(&v.json, "json", false, "Print the verdict as JSON")
	return cmd
}

func (v *verify) run(cmd *cobra.Command, args []string) error {
	in := &stdin{Reader: cmd.InOrStdin()}
	scheme, secrets, err := v.load(in)
	if err != nil {
		return err
	}
	request, body, err := v.read(args, in)
	if err != nil {
		return err
	}
	now := time.Now()
	if v.at != "" {
		if now, err = parseTime(v.at); err != nil {
			return fmt.Errorf("--at: %w", err)
		}
	}
	o := verifier.Options{PublicURL: v.url, AllowWeak: true}
	if o.Past, o.Future, err = parseTolerance(v.tolerance); err != nil {
		return fmt.Errorf("--tolerance: %w", err)
	}
	x, err := verifier.Explain(scheme, secrets, o, request, body, now)
	if err != nil && len(x.Findings) == 0 {
		return err
	}
	report := newReport(scheme.Name, x, err, now)
	if x.Authentic {
		report.Matched = fmt.Sprintf("%d of %d, %s", x.Verified.Secret+1, len(secrets), v.secrets.refs[x.Verified.Secret])
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

// read returns the request and its body, from wherever the flags say they are.
func (v *verify) read(args []string, in *stdin) (*verifier.Request, []byte, error) {
	if v.request != "" {
		if len(args) > 0 || v.headers != "" || len(v.header) > 0 {
			return nil, nil, errors.New("--request names head and body: give no other header or body")
		}
		data, err := in.readFile(v.request, "the request")
		if err != nil {
			return nil, nil, err
		}
		request, body, err := parseRequest(data)
		if err != nil {
			return nil, nil, fmt.Errorf("--request %s: %w", v.request, err)
		}
		return request, body, nil
	}
	if v.headers == "" && len(v.header) == 0 {
		return nil, nil, errors.New("there are no headers; give them with -H, --headers or --request")
	}
	request := newRequest()
	if v.headers != "" {
		head, err := in.readFile(v.headers, "the headers")
		if err != nil {
			return nil, nil, err
		}
		if err := addHead(request, string(head)); err != nil {
			return nil, nil, fmt.Errorf("--headers %s: %w", v.headers, err)
		}
	}
	for i, line := range v.header {
		if err := addHeader(request, line); err != nil {
			return nil, nil, fmt.Errorf("-H number %d: %w", i+1, err)
		}
	}
	body, _, err := readBody(args, in)
	return request, body, err
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
