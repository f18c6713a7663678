package cli

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

const (
	// envURL and envToken are where the commands that ask the API find it.
	envURL   = "HOOKGATE_URL"
	envToken = "HOOKGATE_TOKEN"
	// envApp is the application that is meant if none is named.
	envApp = "HOOKGATE_APP"
)

// producer is what all commands have that ask the API of the sending side: where it is,
// whose token it gets, and how to print what it says.
type producer struct {
	host  Host
	url   string
	token oneSecret
	json  bool
}

func newProducer(host Host) producer {
	return producer{host: host, token: oneSecret{what: "the token", flag: "token", usual: envToken}}
}

func (p *producer) register(cmd *cobra.Command) {
	registerURL(cmd, &p.url)
	p.token.register(cmd.Flags())
	cmd.Flags().BoolVar(&p.json, "json", false, "Print what the API says")
}

// registerURL adds the flag that says where the API is.
func registerURL(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "url", "", "Where the API is, as https://webhooks.example.com (default: $"+envURL+")")
}

// open returns who calls the API.
func (p *producer) open(in *stdin) (*caller, error) {
	base, err := apiBase(p.url)
	if err != nil {
		return nil, err
	}
	token, err := p.token.read(in)
	if err != nil {
		if p.token.env == "" && p.token.file == "" && !p.token.stdin {
			err = fmt.Errorf("%w: the API asks for a token, which %s webhook token makes", err, p.host.Program)
		}
		return nil, err
	}
	return &caller{host: p.host, base: base, token: token, json: p.json}, nil
}

// apiBase returns how the URLs of the API begin, without its own path.
func apiBase(flag string) (string, error) {
	text, from := flag, "--url"
	if text == "" {
		text, from = os.Getenv(envURL), "$"+envURL
	}
	if text == "" {
		return "", errors.New("where is the API? Name its host with --url, or export " + envURL)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		// It is not shown: there may be a password in it.
		return "", fmt.Errorf("%s: it has to be a whole URL, as https://webhooks.example.com", from)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("%s: only the scheme, host and path of a URL are of use here", from)
	}
	path := strings.TrimSuffix(strings.TrimRight(u.EscapedPath(), "/"), apiPrefix)
	return u.Scheme + "://" + u.Host + path, nil
}

// tenant is a producer whose commands are about one application.
type tenant struct {
	producer
	app string
}

func newTenant(host Host) tenant { return tenant{producer: newProducer(host)} }

func (t *tenant) register(cmd *cobra.Command) {
	t.producer.register(cmd)
	cmd.Flags().StringVar(&t.app, "app", "", "The application, by its id or uid (default: $"+envApp+")")
}

// open returns who calls the API, and the application.
func (t *tenant) open(in *stdin) (c *caller, app string, err error) {
	app = cmp.Or(t.app, os.Getenv(envApp))
	if app == "" {
		return nil, "", fmt.Errorf("--app is missing: name the application by its id or uid, as %s webhook app list shows them", t.host.Program)
	}
	c, err = t.producer.open(in)
	return c, app, err
}
