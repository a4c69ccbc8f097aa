// A customer in the shop: browses products, signs in, checks out. Steps of services that no load goes to are left out.

import { group } from 'k6';

import { json, request, think } from './lib/http.js';
import { healthPath, input, targeted } from './lib/input.js';
import { scheduled } from './lib/options.js';

export { handleSummary } from './lib/summary.js';

export const options = scheduled();

const SHOP = ['product-service', 'user-service', 'checkout-service'];
const others = input.targets.filter((service) => !SHOP.includes(service));

export default function () {
  const customer = { user_id: 1, product_id: 1 };
  if (targeted('product-service')) group('browse', () => browse(customer));
  if (targeted('user-service')) group('sign in', () => signIn(customer));
  if (targeted('checkout-service')) group('check out', () => checkOut(customer));
  // A service outside of the shop has no part in the journey but its health.
  for (const service of others) request(service, 'health', healthPath(service));
  think(0.3);
}

function browse(customer) {
  const products = json(request('product-service', 'list products', '/products'));
  think(0.2);
  if (!Array.isArray(products) || products.length === 0) return;
  customer.product_id = products[Math.floor(Math.random() * products.length)].id;
  request('product-service', 'show product', `/products/${customer.product_id}`);
  think(0.2);
}

function signIn(customer) {
  const body = { user: 'demo', password: 'demo' };
  const answer = json(request('user-service', 'sign in', '/login', { method: 'POST', body }));
  customer.token = answer?.token;
  request('user-service', 'show user', `/users/${customer.user_id}`);
  think(0.2);
}

function checkOut({ user_id, product_id, token = '' }) {
  const body = { user_id, items: [{ product_id, quantity: 1 }], token };
  request('checkout-service', 'check out', '/checkout', { method: 'POST', body, status: 201 });
}
