import "reflect-metadata";
import {
  ArgumentsHost, CallHandler, Catch, ExceptionFilter, ExecutionContext, HttpException, Injectable, Module, NestInterceptor,
  ValidationError, ValidationPipe,
} from "@nestjs/common";
import { APP_GUARD, APP_INTERCEPTOR, NestFactory } from "@nestjs/core";
import { ThrottlerGuard, ThrottlerModule } from "@nestjs/throttler";
import compression from "compression";
import type { NextFunction, Request, Response } from "express";
import helmet from "helmet";
import { Observable, of, tap } from "rxjs";
import { CustomersController, PaymentMethodsController } from "./api";
import { newId, Store, StripeError } from "./store";

type Reply = { request: string; status: number; body: unknown };

@Injectable()
class IdempotencyInterceptor implements NestInterceptor {
  private readonly replies = new Map<string, Reply>();

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<Request>();
    const response = context.switchToHttp().getResponse<Response>();
    const key = request.get("Idempotency-Key");
    if (request.method !== "POST" || !key) return next.handle();
    const sent = JSON.stringify([request.path, request.body]);
    const reply = this.replies.get(key);
    if (!reply) {
      return next.handle().pipe(
        tap((body) => this.replies.set(key, { request: sent, status: response.statusCode, body: structuredClone(body) })),
      );
    }
    if (reply.request !== sent) {
      const message = "Keys for idempotent requests can only be used with the same parameters they were first used with.";
      throw new StripeError(400, message, { type: "idempotency_error" });
    }
    response.status(reply.status).set("Idempotent-Replayed", "true");
    return of(reply.body);
  }
}

@Catch()
class ErrorFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost) {
    const response = host.switchToHttp().getResponse<Response>();
    if (error instanceof StripeError) {
      response.status(error.getStatus()).json({ error: error.getResponse() });
    } else if (error instanceof HttpException) {
      response.status(error.getStatus()).json({ error: { type: "invalid_request_error", message: error.message } });
    } else {
      response.status(500).json({ error: { type: "api_error", message: "Something went wrong." } });
    }
  }
}

// The first of class-validator's errors, as Stripe's clients know it.
function asStripeError(errors: ValidationError[], prefix = ""): StripeError {
  const [first] = errors;
  const param = prefix ? `${prefix}[${first.property}]` : first.property;
  if (first.children?.length) return asStripeError(first.children, param);
  const constraints = first.constraints ?? {};
  if (constraints.whitelistValidation) {
    return new StripeError(400, `Received unknown parameter: ${param}`, { code: "parameter_unknown", param });
  }
  if (first.value === undefined) {
    return new StripeError(400, `Missing required param: ${param}.`, { code: "parameter_missing", param });
  }
  return new StripeError(400, Object.values(constraints)[0], { param });
}

function authenticate(request: Request, response: Response, next: NextFunction) {
  const [scheme, value = ""] = (request.get("Authorization") ?? "").split(" ");
  const key = scheme === "Basic" ? Buffer.from(value, "base64").toString().split(":")[0] : value;
  if (["Basic", "Bearer"].includes(scheme) && key === process.env.API_KEY) return next();
  response.set("WWW-Authenticate", 'Bearer realm="Stripe"');
  const message = key ? "Invalid API Key provided" : "You did not provide an API key.";
  response.status(401).json({ error: { type: "invalid_request_error", message } });
}

@Module({
  imports: [ThrottlerModule.forRoot([{ ttl: 1000, limit: 10000 }])],
  controllers: [CustomersController, PaymentMethodsController],
  providers: [
    Store,
    { provide: APP_GUARD, useClass: ThrottlerGuard },
    { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
  ],
})
class AppModule {}

async function main() {
  const app = await NestFactory.create(AppModule, { logger: ["error"] });
  app.use((request: Request, response: Response, next: NextFunction) => {
    response.set("Request-Id", newId("req"));
    next();
  });
  app.use(helmet());
  app.use(compression());
  app.enableCors();
  app.use(authenticate);
  app.useGlobalPipes(
    new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true, exceptionFactory: asStripeError }),
  );
  app.useGlobalFilters(new ErrorFilter());
  await app.listen(process.env.PORT ?? 3000, "127.0.0.1");
}

void main();
