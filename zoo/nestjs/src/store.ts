import { BadRequestException, HttpException, Injectable } from "@nestjs/common";
import { randomBytes } from "node:crypto";
import type { CardDto, CustomerDto, PaymentMethodDto } from "./dto";

const TOKENS: Record<string, [string, string]> = { tok_visa: ["visa", "4242"], tok_mastercard: ["mastercard", "4444"] };
const NUMBERS: Record<string, string> = { "4242424242424242": "tok_visa", "5555555555554444": "tok_mastercard" };
const NO_ADDRESS = { city: null, country: null, line1: null, line2: null, postal_code: null, state: null };

export const newId = (prefix: string) => `${prefix}_${randomBytes(12).toString("hex")}`;
const now = () => Math.floor(Date.now() / 1000);

export class StripeError extends HttpException {
  constructor(status: number, message: string, more: { code?: string; param?: string; type?: string } = {}) {
    super({ type: "invalid_request_error", message, ...more }, status);
  }
}

export type Customer = { id: string; object: "customer"; [name: string]: unknown };
export type PaymentMethod = { id: string; object: "payment_method"; customer: string | null; [name: string]: unknown };

@Injectable()
export class Store {
  private readonly customers = new Map<string, Customer>();
  private readonly paymentMethods = new Map<string, PaymentMethod>();

  addCustomer({ email = "", name = "", description = "", address, metadata = {} }: CustomerDto): Customer {
    const customer: Customer = {
      id: newId("cus"), object: "customer", created: now(), livemode: false, metadata,
      email: email || null, name: name || null, description: description || null,
      address: address ? { ...NO_ADDRESS, ...address } : null,
      invoice_settings: { custom_fields: null, default_payment_method: null, footer: null, rendering_options: null },
    };
    this.customers.set(customer.id, customer);
    return customer;
  }

  customer(id: string, status = 404): Customer {
    const found = this.customers.get(id);
    if (!found) throw new StripeError(status, `No such customer: '${id}'`, { code: "resource_missing", param: "customer" });
    return found;
  }

  deleteCustomer(id: string) {
    this.customer(id);
    this.customers.delete(id);
    for (const each of this.of(id)) each.customer = null;
  }

  addPaymentMethod({ card, billing_details, metadata = {}, type }: PaymentMethodDto): PaymentMethod {
    const paymentMethod: PaymentMethod = {
      id: newId("pm"), object: "payment_method", allow_redisplay: "unspecified", created: now(), customer: null,
      billing_details: {
        email: null, name: null, phone: null, ...billing_details, address: { ...NO_ADDRESS, ...billing_details?.address },
      },
      card: this.card(card), livemode: false, metadata, type,
    };
    this.paymentMethods.set(paymentMethod.id, paymentMethod);
    return paymentMethod;
  }

  private card({ token, number, exp_month = "8", exp_year = "2030" }: CardDto) {
    const known = token ?? NUMBERS[number ?? ""];
    if (!TOKENS[known]) throw new BadRequestException(`No such token: '${known}'`);
    const [brand, last4] = TOKENS[known];
    return {
      brand, last4, country: "US", exp_month: Number(exp_month), exp_year: Number(exp_year), funding: "credit",
      fingerprint: Buffer.from(known).toString("hex").slice(0, 16),
      checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: "unchecked" },
      networks: { available: [brand], preferred: null }, three_d_secure_usage: { supported: true }, wallet: null,
    };
  }

  paymentMethod(id: string): PaymentMethod {
    const found = this.paymentMethods.get(id);
    if (!found) {
      throw new StripeError(404, `No such PaymentMethod: '${id}'`, { code: "resource_missing", param: "payment_method" });
    }
    return found;
  }

  of(customer: string): PaymentMethod[] {
    return [...this.paymentMethods.values()].filter((each) => each.customer === customer).reverse();
  }

  attach(id: string, customer: string): PaymentMethod {
    const paymentMethod = this.paymentMethod(id);
    this.customer(customer, 400);
    if (paymentMethod.customer && paymentMethod.customer !== customer) {
      throw new StripeError(400, "The payment method you provided has already been attached to a customer.");
    }
    paymentMethod.customer = customer;
    return paymentMethod;
  }

  detach(id: string): PaymentMethod {
    const paymentMethod = this.paymentMethod(id);
    if (!paymentMethod.customer) {
      throw new StripeError(400, "The payment method you provided is not attached to a customer.");
    }
    paymentMethod.customer = null;
    return paymentMethod;
  }

  show(paymentMethod: PaymentMethod, paths: string[] = []) {
    const shown: Record<string, unknown> = { ...paymentMethod };
    for (const path of paths) {
      if (path !== "customer") throw new StripeError(400, `This property cannot be expanded (${path}).`, { param: "expand" });
      if (paymentMethod.customer) shown.customer = this.customer(paymentMethod.customer);
    }
    return shown;
  }
}
