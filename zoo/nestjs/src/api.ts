import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req } from "@nestjs/common";
import type { Request } from "express";
import { AttachDto, CustomerDto, ExpandDto, PaymentMethodDto } from "./dto";
import { type PaymentMethod, Store } from "./store";

const list = (url: string, data: PaymentMethod[]) => ({ object: "list", url, has_more: false, data });

@Controller("v1/customers")
export class CustomersController {
  constructor(private readonly store: Store) {}

  @Post() @HttpCode(200)
  create(@Body() body: CustomerDto) {
    return this.store.addCustomer(body);
  }

  @Get(":id")
  retrieve(@Param("id") id: string) {
    return this.store.customer(id);
  }

  @Delete(":id")
  delete(@Param("id") id: string) {
    this.store.deleteCustomer(id);
    return { id, object: "customer", deleted: true };
  }

  @Get(":id/payment_methods")
  paymentMethods(@Param("id") id: string, @Req() request: Request) {
    this.store.customer(id);
    return list(request.path, this.store.of(id));
  }
}

@Controller("v1/payment_methods")
export class PaymentMethodsController {
  constructor(private readonly store: Store) {}

  @Get()
  list(@Query("customer") customer: string) {
    return list("/v1/payment_methods", this.store.of(customer));
  }

  @Post() @HttpCode(200)
  create(@Body() body: PaymentMethodDto) {
    return this.store.show(this.store.addPaymentMethod(body), body.expand);
  }

  @Get(":id")
  retrieve(@Param("id") id: string) {
    return this.store.paymentMethod(id);
  }

  @Post(":id/attach") @HttpCode(200)
  attach(@Param("id") id: string, @Body() body: AttachDto) {
    this.store.show(this.store.paymentMethod(id), body.expand);
    return this.store.show(this.store.attach(id, body.customer), body.expand);
  }

  @Post(":id/detach") @HttpCode(200)
  detach(@Param("id") id: string, @Body() body: ExpandDto) {
    return this.store.show(this.store.detach(id), body.expand);
  }
}
