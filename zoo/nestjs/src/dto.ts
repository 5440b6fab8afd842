import { Type } from "class-transformer";
import {
  IsArray, IsIn, IsNotEmpty, IsObject, IsOptional, IsString, MaxLength, ValidateNested,
} from "class-validator";

export class ExpandDto {
  @IsOptional() @IsArray() @IsString({ each: true }) @MaxLength(5000, { each: true })
  expand?: string[];
}

export class AttachDto extends ExpandDto {
  @IsString() @IsNotEmpty() @MaxLength(5000)
  customer: string;
}

export class AddressDto {
  @IsOptional() @IsString() city?: string;
  @IsOptional() @IsString() country?: string;
  @IsOptional() @IsString() line1?: string;
  @IsOptional() @IsString() line2?: string;
  @IsOptional() @IsString() postal_code?: string;
  @IsOptional() @IsString() state?: string;
}

export class CustomerDto extends ExpandDto {
  @IsOptional() @IsString() @MaxLength(512) email?: string;
  @IsOptional() @IsString() @MaxLength(256) name?: string;
  @IsOptional() @IsString() @MaxLength(5000) description?: string;
  @IsOptional() @ValidateNested() @Type(() => AddressDto) address?: AddressDto;
  @IsOptional() @IsObject() metadata?: Record<string, string>;
}

export class BillingDetailsDto {
  @IsOptional() @ValidateNested() @Type(() => AddressDto) address?: AddressDto;
  @IsOptional() @IsString() email?: string;
  @IsOptional() @IsString() name?: string;
  @IsOptional() @IsString() phone?: string;
}

export class CardDto {
  @IsOptional() @IsString() token?: string;
  @IsOptional() @IsString() number?: string;
  @IsOptional() @IsString() exp_month?: string;
  @IsOptional() @IsString() exp_year?: string;
  @IsOptional() @IsString() cvc?: string;
}

export class PaymentMethodDto extends ExpandDto {
  @IsIn(["card"])
  type: "card";

  @ValidateNested() @Type(() => CardDto)
  card: CardDto;

  @IsOptional() @ValidateNested() @Type(() => BillingDetailsDto)
  billing_details?: BillingDetailsDto;

  @IsOptional() @IsObject()
  metadata?: Record<string, string>;
}
