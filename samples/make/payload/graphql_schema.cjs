// The schema that both GraphQL conversations use.
const { buildSchema } = require('graphql');
const { wait } = require('./said.cjs');

exports.schema = buildSchema(`
  type Query { hello(name: String): String  fails: String }
  type Mutation { setPrice(item: ID!, price: Float!): Price }
  type Price { item: ID! price: Float! }
  type Subscription { countdown(from: Int!): Int  prices: Price }
`);
exports.rootValue = {
  hello: ({ name }) => `hello ${name ?? 'world'} – Grüße`,
  fails: () => { throw new Error('the resolver failed'); },
  setPrice: ({ item, price }) => ({ item, price }),
};
// As `subscribe` wants it: fields of the root value that are async generators.
exports.subscriptions = {
  async *countdown({ from }) { for (let n = from; n > 0; n--) { yield { countdown: n }; await wait(20); } },
  async *prices() { for (let n = 0; ; n++) { yield { prices: { item: 'tea', price: 2.5 + n } }; await wait(60); } },
};
