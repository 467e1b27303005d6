// access.ts — Who asks, and the access tokens that let others write.
import Type from 'typebox'
import { AccessToken, AccessTokenRequest, NewAccessToken, Session, SignedOut } from '../views/access.ts'
import { get, Id, post, remove } from './route.ts'

const tag = 'system'
const role = 'admin'

/** Routes about who may do what. */
export const accessRoutes = {
  session: get('/api/v1/session', 'Who sends this request, by its token, and what they may do', {
    tag,
    role: 'anyone',
    response: Session,
  }),
  signOut: post('/api/v1/session/end', 'End the session of somebody who has signed in with their own account', {
    tag,
    role: 'anyone',
    status: 200,
    response: SignedOut,
  }),
  makeAccessToken: post(
    '/api/v1/tokens',
    'Create an access token with a name, a role, and if wanted a scope and an end; its secret is in this answer alone',
    { tag, role, body: AccessTokenRequest, status: 200, response: NewAccessToken, refuses: ['conflict'] },
  ),
  listAccessTokens: get('/api/v1/tokens', 'Access tokens without their secrets, by name', {
    tag,
    role,
    response: Type.Array(AccessToken),
  }),
  removeAccessToken: remove('/api/v1/tokens/{id}', 'Remove an access token, by id or name: it is refused at once', {
    tag,
    role,
    params: Id,
    refuses: ['not_found'],
  }),
}
