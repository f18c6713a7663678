package api

import "reflect"

// Route is a row of the table of routes, as tests see it.
type Route struct {
	Operation, Method, Path string
	Access                  Access
	Needs                   Capability
	Statuses                []int
	Query                   []string
	In, Out                 bool // whether there are bodies
}

// Routes is the table of routes.
func Routes() (all []Route) {
	for i := range routes {
		rt := &routes[i]
		r := Route{rt.operation, rt.method, Prefix + rt.path, rt.access, rt.needs, rt.statuses, nil, rt.in != reflect.TypeFor[none](), rt.out != reflect.TypeFor[none]()}
		for _, p := range rt.params {
			r.Query = append(r.Query, p.name)
		}
		all = append(all, r)
	}
	return all
}

// SchemaName is how the OpenAPI document calls the answer of an operation; empty if it has
// none, or one without a name.
func SchemaName(operation string) string {
	for i := range routes {
		if rt := &routes[i]; rt.operation == operation && rt.out.Kind() == reflect.Struct && rt.out != reflect.TypeFor[none]() {
			return schemaName(rt.out)
		}
	}
	return ""
}

// ParseBodies parses a text as the body of each operation, and returns how many took it.
func ParseBodies(text []byte) (taken int, errs []error) {
	for i := range routes {
		in := reflect.New(routes[i].in).Interface()
		if _, ok := in.(*none); ok {
			continue
		}
		if err := parseBody(text, in); err != nil {
			errs = append(errs, err)
		} else {
			taken++
		}
	}
	return taken, errs
}

// ParseQuery reads each parameter of a query, and returns the first error.
func ParseQuery(raw string) error {
	q, err := parseQuery(raw)
	if err != nil {
		return err
	}
	q.ordered(true)
	q.list(paramTypes)
	for _, p := range []param{paramBefore, paramAfter, paramSince, paramUntil} {
		q.time(p)
	}
	for _, p := range []param{paramContent, paramMessage, paramExisting, paramArchived, paramExpunge} {
		q.bool(p, false)
	}
	q.number(paramStatus)
	q.number(paramClass)
	return q.fail
}

// RefusalOf returns the status of an error.
func RefusalOf(err error) int {
	status, _, _ := refusalOf(err)
	return status
}
