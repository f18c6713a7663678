package portal

import (
	"net/http"

	"github.com/hookgate/hookgate/api"
)

const app = prefix + "/app/{app}"

// routes are all that the portal does for people.
var routes = []route{
	{http.MethodGet, loginPath, public, "", login},
	{http.MethodPost, loginPath, public, "", signIn},
	{http.MethodPost, prefix + "/logout", signedIn, "", signOut},
	{http.MethodGet, prefix, signedIn, "", home},
	{http.MethodGet, prefix + "/{$}", signedIn, "", home},

	{http.MethodGet, prefix + "/apps", organisation, "", listApps},

	{http.MethodGet, app + "/endpoints", owners, api.ViewBase, listEndpoints},

	{http.MethodGet, gatewayPath, operators, "", showGateway},
	{http.MethodGet, gatewayPath + "/sources/{source}", operators, "", showSource},
	{http.MethodGet, gatewayPath + "/sources/send/{name}/{n}", operators, "", showSource},
	{http.MethodPost, gatewayPath + "/pause", operators, "", pauseSource},
	{http.MethodPost, gatewayPath + "/resume", operators, "", resumeSource},
	{http.MethodGet, gatewayPath + "/recover", operators, "", askRecover},
	{http.MethodPost, gatewayPath + "/recover", operators, "", recoverSource},
	{http.MethodGet, gatewayPath + "/events/{seq}", operators, "", showEvent},
	{http.MethodGet, gatewayPath + "/events/{seq}/payload", operators, "", sendEventBody},
	{http.MethodPost, gatewayPath + "/events/{seq}/retry", operators, "", retryEvent},
	{http.MethodGet, gatewayPath + "/events/{seq}/erase", operators, "", askErase},
	{http.MethodPost, gatewayPath + "/events/{seq}/erase", operators, "", eraseEvent},
	{http.MethodGet, gatewayPath + "/events/{seq}/forget", operators, "", askForget},
	{http.MethodPost, gatewayPath + "/events/{seq}/forget", operators, "", forgetEvent},
	{http.MethodGet, gatewayPath + "/jobs/{id}", operators, "", showJob},
	{http.MethodPost, gatewayPath + "/jobs/{id}/cancel", operators, "", cancelJob},
}
