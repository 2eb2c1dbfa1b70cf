// An EHR made of node's oidc-provider, dressed with what SMART App Launch 2.2 adds, and a FHIR store that holds
// next to nothing. `node server.mjs ORDER` with ORDER as JSON: {app, scopes, clients: [{name, auth, algorithm, secret}]}.
// Each client has a FHIR base of its own, /NAME/fhir; all share one authorization server. Prints its address in one line.

import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

import { Provider, errors } from 'oidc-provider';

const order = JSON.parse(process.argv[2]);
const listening = createServer();
await new Promise((ready) => listening.listen(0, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${listening.address().port}`;

const PATIENTS = { ada: ['Ada', 'Larsen', '1984-05-02'], ben: ['Ben', 'Whitfield', '1971-11-30'] };
const ROLES = 'https://stranger.example/staff-role';
const READABLE = ['Patient', 'Practitioner', 'PractitionerRole', 'Condition', 'Observation', 'MedicationStatement',
  'MedicationRequest', 'AllergyIntolerance', 'Procedure', 'MedicationAdministration', 'CarePlan'];

const names = order.clients.map((client) => client.name);
const base = (name) => `${issuer}/${name}/fhir`;
const launches = new Map(); // launch value -> {client, patient}
const contexts = new Map(); // id of a grant -> what the token reply says of the chart
const issued = new Set(); // access tokens
const log = []; // what was asked of the token and revocation endpoints, with no secret in it
const next = { life: 3600, refused: false, user: 'vera' };
let overheard; // the form of the last code that was redeemed

const signing = (type, options, more) =>
  ({ ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), use: 'sig', ...more });

const provider = new Provider(issuer, {
  jwks: { keys: [
    signing('rsa', { modulusLength: 2048 }, { kid: 'their-rsa' }),
    signing('ec', { namedCurve: 'P-384' }, { kid: 'their-ec', alg: 'ES384' }),
  ] },
  clients: order.clients.map((client) => ({
    client_id: `app-at-${client.name}`,
    redirect_uris: [`${order.app}/callback/${client.name}`],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: client.auth,
    id_token_signed_response_alg: client.algorithm === 'ES384' ? 'ES384' : 'RS256',
    ...(client.auth === 'private_key_jwt'
      ? { jwks_uri: `${order.app}/jwks/${client.name}.json`, token_endpoint_auth_signing_alg: client.algorithm }
      : {}),
    ...(client.secret ? { client_secret: client.secret } : {}),
  })),
  clientAuthMethods: ['private_key_jwt', 'client_secret_basic', 'none'],
  enabledJWA: {
    clientAuthSigningAlgValues: ['ES384', 'RS384'],
    idTokenSigningAlgValues: ['RS256', 'ES384'],
  },
  scopes: [...new Set(['openid', 'fhirUser', 'offline_access', ...order.scopes])],
  claims: { openid: ['sub'], fhirUser: ['fhirUser', 'name'] },
  conformIdTokenClaims: false,
  extraParams: {
    aud: (ctx, value, client) => {
      if (value !== base(nameOf(client))) throw new errors.InvalidRequest('aud is not the FHIR base of this app');
    },
    launch: (ctx, value, client) => {
      if (value !== undefined && launches.get(value)?.client !== nameOf(client)) {
        throw new errors.InvalidRequest('this launch is unknown or was used');
      }
    },
  },
  features: { devInteractions: { enabled: false }, revocation: { enabled: true }, userinfo: { enabled: false } },
  pkce: { required: () => true },
  rotateRefreshToken: () => true,
  issueRefreshToken: () => true,
  expiresWithSession: () => false,
  ttl: { AccessToken: lifeOfToken, AuthorizationCode: 60, Grant: 86400, IdToken: 300, Interaction: 600,
    RefreshToken: 86400, Session: 86400 },
  cookies: { keys: [randomUUID()], long: { httpOnly: true, sameSite: 'none' }, short: { httpOnly: true, sameSite: 'none' } },
  enableHttpPostMethods: true,
  fetch: (url, { dispatcher, ...options }) => fetch(url, options), // its guard refuses loopback, where the app is
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (ctx, sub) => ({
    accountId: sub,
    claims: () => ({ sub, name: 'Dr Vera Strand', fhirUser: `${base(nameOf(ctx.oidc.client))}/PractitionerRole/vera` }),
  }),
  loadExistingGrant: newGrant,
  renderError: (ctx, out) => { ctx.type = 'text'; ctx.body = `${out.error}: ${out.error_description}`; },
});

function nameOf(client) {
  return client.clientId.replace('app-at-', '');
}

function lifeOfToken() {
  const seconds = next.life;
  next.life = 3600;
  return seconds;
}

// A grant for each start of the app: two charts must never share one.
async function newGrant(ctx) {
  const { session, client, params } = ctx.oidc;
  const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
  grant.addOIDCScope(params.scope);
  const id = await grant.save();
  const chosen = launches.get(params.launch) ?? { patient: 'ada' };
  launches.delete(params.launch);
  contexts.set(id, { patient: chosen.patient, encounter: `visit-of-${chosen.patient}`, need_patient_banner: false,
    intent: 'unknown-to-the-app', tenant: 'strangers', fhirContext: [{ reference: `CarePlan/plan-of-${chosen.patient}` }] });
  return grant;
}

provider.on('grant.error', (ctx, error) => { ctx.state.why = error.error_detail; });
provider.on('access_token.saved', (token) => issued.add(token.jti));

provider.use(async (ctx, proceed) => {
  ctx.cookies.secure = true; // loopback counts as secure for a browser, and SameSite=None needs it
  const [, first, ...rest] = ctx.path.split('/');
  if (first === '_control') return control(ctx, rest.join('/'));
  if (first === 'interaction') return signIn(ctx);
  if (names.includes(first) && rest[0] === 'fhir') return fhir(ctx, first, rest.slice(1));
  await proceed();
  if (ctx.path === '/auth') log.push({ asked: 'authorize', method: ctx.method, status: ctx.status });
  if (ctx.path === '/token' || ctx.path === '/token/revocation') told(ctx);
});

function told(ctx) {
  const { params, client, entities } = ctx.oidc;
  const grant = entities.Grant?.jti ?? entities.AccessToken?.grantId;
  if (params?.code) overheard = params;
  if (ctx.path === '/token' && ctx.status === 200) ctx.body = { ...ctx.body, ...contexts.get(grant) };
  log.push({
    asked: ctx.path === '/token' ? params?.grant_type : 'revoke',
    client: client?.clientId,
    status: ctx.status,
    error: ctx.body?.error,
    why: ctx.state.why,
    spent: params?.refresh_token && createHash('sha256').update(params.refresh_token).digest('hex'),
    algorithm: params?.client_assertion
      && JSON.parse(Buffer.from(params.client_assertion.split('.')[0], 'base64url')).alg,
    kid: params?.client_assertion && JSON.parse(Buffer.from(params.client_assertion.split('.')[0], 'base64url')).kid,
    named: params?.client_id !== undefined,
  });
}

// Whoever opens this EHR is Dr Strand, unless a test names somebody else; with `refused` she says no.
async function signIn(ctx) {
  log.push({ asked: 'sign-in' });
  const said = next.refused ? { error: 'access_denied' } : { login: { accountId: next.user } };
  next.refused = false;
  next.user = 'vera';
  await provider.interactionFinished(ctx.req, ctx.res, said, { mergeWithLastSubmission: false });
  ctx.respond = false;
}

async function control(ctx, what) {
  ctx.body = {};
  if (what === 'launch') {
    const value = randomUUID();
    launches.set(value, { client: ctx.query.client, patient: ctx.query.patient });
    ctx.body = { launch: value };
  } else if (what === 'log') {
    ctx.body = [...log];
    if (ctx.method === 'DELETE') log.length = 0;
  } else if (what === 'next') {
    if (ctx.query.life) next.life = Number(ctx.query.life);
    if (ctx.query.refused) next.refused = true;
    if (ctx.query.user) next.user = ctx.query.user;
  } else if (what === 'end-access-tokens') {
    for (const token of issued) await (await provider.AccessToken.find(token))?.destroy();
    issued.clear();
  } else if (what === 'replay') {
    const form = Object.entries(overheard).filter(([, value]) => value !== undefined);
    ctx.body = { status: (await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams(form) })).status };
  } else if (what === 'forget-app-keys') {
    for (const client of order.clients) {
      const kept = (await provider.Client.find(`app-at-${client.name}`)).asymmetricKeyStore;
      if (kept) kept.freshUntil = 0;
    }
  } else ctx.status = 404;
}

async function fhir(ctx, name, path) {
  if (path.join('/') === '.well-known/smart-configuration') return smartConfiguration(ctx);
  if (path[0] === 'metadata') return answer(ctx, 200, metadata());
  const token = await provider.AccessToken.find((ctx.get('authorization').match(/^Bearer (.+)$/) ?? [])[1] ?? '');
  const context = token && contexts.get(token.grantId);
  if (!context || token.clientId !== `app-at-${name}`) return answer(ctx, 401, outcome('login'));
  const [type, id] = path;
  if (!READABLE.includes(type)) return answer(ctx, 404, outcome('not-supported'));
  if (id === undefined) return answer(ctx, 200, { resourceType: 'Bundle', type: 'searchset', total: 0, entry: [] });
  const found = resource(type, id);
  if (type === 'Patient' && id !== context.patient) return answer(ctx, 403, outcome('forbidden'));
  return found ? answer(ctx, 200, found) : answer(ctx, 404, outcome('not-found'));
}

function smartConfiguration(ctx) {
  ctx.set('cache-control', 'no-store');
  ctx.body = {
    issuer,
    jwks_uri: `${issuer}/jwks`,
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    revocation_endpoint: `${issuer}/token/revocation`,
    token_endpoint_auth_methods_supported: ['private_key_jwt', 'client_secret_basic', 'none'],
    token_endpoint_auth_signing_alg_values_supported: ['ES384', 'RS384'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    response_types_supported: ['code'],
    scopes_supported: order.scopes,
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    capabilities: ['launch-ehr', 'launch-standalone', 'authorize-post', 'client-public', 'client-confidential-symmetric',
      'client-confidential-asymmetric', 'sso-openid-connect', 'context-banner', 'context-ehr-patient',
      'context-ehr-encounter', 'context-standalone-patient', 'permission-offline', 'permission-patient', 'permission-v2'],
  };
}

function metadata() {
  const interaction = [{ code: 'read' }, { code: 'search-type' }];
  const resources = READABLE.map((type) => ({ type, interaction }));
  return { resourceType: 'CapabilityStatement', status: 'active', fhirVersion: '4.0.1', kind: 'instance',
    date: '2026-01-01', format: ['json'], rest: [{ mode: 'server', resource: resources }] };
}

function resource(type, id) {
  if (type === 'Patient' && PATIENTS[id]) {
    const [given, family, birthDate] = PATIENTS[id];
    return { resourceType: type, id, birthDate, gender: 'female', name: [{ given: [given], family }] };
  }
  if (type === 'PractitionerRole' && id === 'vera') {
    return { resourceType: type, id, active: true, practitioner: { reference: 'Practitioner/vera' },
      code: [{ coding: [{ system: ROLES, code: 'psychiatrist' }] }] };
  }
  return undefined;
}

function outcome(code) {
  return { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code }] };
}

function answer(ctx, status, body) {
  ctx.status = status;
  ctx.body = JSON.stringify(body);
  ctx.type = 'application/fhir+json';
}

listening.on('request', provider.callback());
process.stdin.on('end', () => process.exit()).resume(); // whoever started it is gone
process.stdout.write(`${issuer}\n`);
