package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/hookgate/hookgate/verifier"
)

// secretFlags say where secrets are. None of them takes the secret itself: other
// users of the machine can see the arguments of a process, and shells keep them.
type secretFlags struct {
	refs  []secretRef // in the order of the arguments
	stdin bool
}

// secretRef is where one secret is.
type secretRef struct {
	env, file string // standard input if both are empty
	what      string // it is, "the secret" if empty
}

func (r secretRef) String() string {
	switch {
	case r.env != "":
		return "$" + r.env
	case r.file != "":
		return r.file
	default:
		return "standard input"
	}
}

func (s *secretFlags) register(flags *pflag.FlagSet) {
	flags.Var(&secretFlag{"name", func(v string) { s.refs = append(s.refs, secretRef{env: v}) }},
		"secret-env", "Environment variable that holds a secret (repeatable, for rotation)")
	flags.Var(&secretFlag{"path", func(v string) { s.refs = append(s.refs, secretRef{file: v}) }},
		"secret-file", "File that holds a secret (repeatable); one trailing newline is no part of it")
	flags.BoolVar(&s.stdin, "secret-stdin", false, "Read a secret from standard input, like a file")
}

// secretFlag appends its values to a list that several flags share.
type secretFlag struct {
	kind string
	add  func(string)
}

func (f *secretFlag) String() string { return "" }
func (f *secretFlag) Type() string   { return f.kind }

func (f *secretFlag) Set(value string) error {
	if value == "" {
		return errors.New("it names nothing")
	}
	f.add(value)
	return nil
}

// read returns the texts of the secrets. White space within them is left alone,
// so that verify can say that it is there.
func (s *secretFlags) read(in *stdin) ([]string, error) {
	if s.stdin {
		s.refs = append(s.refs, secretRef{})
		s.stdin = false
	}
	if len(s.refs) == 0 {
		return nil, errors.New("there is no secret; name one with --secret-env, --secret-file or --secret-stdin")
	}
	var secrets []string
	for _, ref := range s.refs {
		secret, err := ref.read(in)
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(secret) == "" {
			return nil, fmt.Errorf("the secret in %s is empty", ref)
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}

func (r secretRef) read(in *stdin) (string, error) {
	if r.env != "" {
		secret, ok := os.LookupEnv(r.env)
		if !ok {
			return "", fmt.Errorf("the environment variable %s is not set; export it before", r.env)
		}
		return secret, nil
	}
	secret, err := r.readFile(in)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", cmp.Or(r.what, "a secret"), err)
	}
	return secret, nil
}

func (r secretRef) readFile(in *stdin) (string, error) {
	if r.file == "" {
		if err := in.take(cmp.Or(r.what, "the secret")); err != nil {
			return "", err
		}
		return verifier.ReadSecret(in)
	}
	f, err := os.Open(r.file)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // nothing was written
	secret, err := verifier.ReadSecret(f)
	if err != nil {
		err = fmt.Errorf("%s: %w", r.file, err)
	}
	return secret, err
}
