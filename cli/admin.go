package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hookgate/hookgate/gateway"
)

// admin is what all commands have that look into a gateway: how to reach it, and
// how to print what it says.
type admin struct {
	host    Host
	address string
	file    string // read instead, where the command can
	offline bool   // the command can
	json    bool
}

// register adds the flags. Without offline there is no --store.
func (a *admin) register(cmd *cobra.Command) {
	a.registerPlace(cmd.Flags())
	cmd.Flags().BoolVar(&a.json, "json", false, "Print JSON")
}

// registerPlace adds the flags that say where the gateway is.
func (a *admin) registerPlace(flags *pflag.FlagSet) {
	flags.StringVar(&a.address, "admin", "", "Address of the running gateway's admin API, as localhost:2019 or unix//run/admin.sock (default: Caddy's)")
	if a.offline {
		flags.StringVar(&a.file, "store", "", "Read this store's file instead, while no gateway runs on it")
	}
}

// client talks to the operator's API of a gateway, or to one made of a file.
type client struct {
	*admin
	transport http.RoundTripper
	origin    string
	close     func() error
}

// open returns a client. It has to be closed.
func (a *admin) open(ctx context.Context) (*client, error) {
	if a.file != "" {
		if a.address != "" {
			return nil, errors.New("--admin asks a gateway and --store reads a file: name one")
		}
		return a.openFile(ctx)
	}
	if a.host.Admin == nil {
		return nil, errors.New("this program knows no admin API")
	}
	transport, origin, err := a.host.Admin(a.address)
	if err != nil {
		return nil, fmt.Errorf("--admin: %w", err)
	}
	return &client{admin: a, transport: transport, origin: origin, close: func() error { return nil }}, nil
}

// with calls f with a client, and closes it.
func (a *admin) with(cmd *cobra.Command, f func(*client) error) (err error) {
	c, err := a.open(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	return f(c)
}

// maxAnswer is how long an answer may be: the largest payload, twice encoded.
const maxAnswer = 512 << 20

// get asks for something, and decodes the answer.
func (c *client) get(ctx context.Context, path string, query url.Values, into any) ([]byte, error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.do(ctx, http.MethodGet, path, nil, into)
}

// post asks for a change.
func (c *client) post(ctx context.Context, path string, body, into any) ([]byte, error) {
	return c.do(ctx, http.MethodPost, path, body, into)
}

// do returns the answer as it is, and decoded.
func (c *client) do(ctx context.Context, method, path string, body, into any) ([]byte, error) {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.origin+"/webhooks/"+path, content)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := c.transport.RoundTrip(r)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	defer func() { _ = response.Body.Close() }() // it is read to its end, or given up
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, c.refusal(response.StatusCode, answer)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return nil, fmt.Errorf("the answer cannot be read; is that a gateway of this version? %w", err)
	}
	return answer, nil
}

func (c *client) where() string { return cmp.Or(c.address, "the default address") }

// unreachable says what to do about a gateway that does not answer.
func (c *client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	hint := "start it, or name its address with --admin"
	if c.offline {
		hint += ", or read its file with --store"
	}
	return fmt.Errorf("no gateway answers at %s (%w); %s", c.where(), err, hint)
}

// refusal makes an error of an answer that is none.
func (c *client) refusal(status int, answer []byte) error {
	var said struct {
		Error json.RawMessage `json:"error"`
	}
	own, text := gateway.OperatorError{Status: status}, ""
	if json.Unmarshal(answer, &said) == nil {
		if json.Unmarshal(said.Error, &own) == nil && own.Type != "" {
			own.Message = safe(own.Message)
			return &own
		}
		_ = json.Unmarshal(said.Error, &text) // how Caddy says it
	}
	if status == http.StatusNotFound {
		return fmt.Errorf("what answers at %s has no webhooks: it is no Caddy with Hookgate, or one without a source", c.where())
	}
	return fmt.Errorf("%s answers %d %s", c.where(), status, cmp.Or(safe(text), http.StatusText(status)))
}

// print writes the answer as JSON if that is asked for, else as text writes it.
func (c *client) print(cmd *cobra.Command, answer []byte, text func(io.Writer) error) error {
	if !c.json {
		return text(cmd.OutOrStdout())
	}
	return printJSON(cmd.OutOrStdout(), answer)
}

func printJSON(w io.Writer, document []byte) error {
	var indented bytes.Buffer
	if err := json.Indent(&indented, bytes.TrimSpace(document), "", "  "); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, safeJSON(indented.Bytes()))
	return err
}

// encodeJSON prints a value as JSON.
func encodeJSON(w io.Writer, value any) error {
	document, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return printJSON(w, document)
}
