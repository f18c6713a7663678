package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/verifier"
)

// setup is what all commands need to know: the scheme and its secrets.
type setup struct {
	host    Host
	scheme  string
	config  string
	secrets secretFlags
}

func (s *setup) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.scheme, "scheme", "svix", "Signature scheme: "+strings.Join(schemeNames(nil), ", ")+", or one of --config")
	flags.StringVar(&s.config, "config", "", "Caddyfile whose custom schemes can be named, too")
	s.secrets.register(flags)
}

// load returns the scheme and the text of its secrets.
func (s *setup) load(in *stdin) (verifier.Scheme, []string, error) {
	scheme, err := s.find()
	if err != nil {
		return scheme, nil, err
	}
	secrets, err := s.secrets.read(in)
	return scheme, secrets, err
}

func (s *setup) find() (verifier.Scheme, error) {
	if scheme, ok := verifier.Preset(s.scheme); ok {
		return scheme, nil
	}
	custom, err := s.custom()
	if err != nil {
		return verifier.Scheme{}, err
	}
	i := slices.IndexFunc(custom, func(c verifier.Scheme) bool { return c.Name == s.scheme })
	if i < 0 {
		return verifier.Scheme{}, fmt.Errorf("unknown scheme %q; there are %s", s.scheme, strings.Join(schemeNames(custom), ", "))
	}
	return custom[i], nil
}

// custom returns the schemes that the Caddyfile of --config defines.
func (s *setup) custom() ([]verifier.Scheme, error) {
	if s.config == "" {
		return nil, nil
	}
	custom, err := s.host.Schemes(s.config)
	if err != nil {
		return nil, fmt.Errorf("--config %s: %w", s.config, err)
	}
	return custom, nil
}

func schemeNames(custom []verifier.Scheme) []string {
	all := append(verifier.Presets(), custom...)
	names := make([]string, len(all))
	for i, scheme := range all {
		names[i] = scheme.Name
	}
	return names
}
