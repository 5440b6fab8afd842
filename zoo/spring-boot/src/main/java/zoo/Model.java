package zoo;

import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.stereotype.Repository;

record Customer(
        String id, String object, long created, boolean livemode, String email, String name, String description,
        Address address, Map<String, String> metadata, Map<String, Object> invoiceSettings) {
    static Customer of(CustomerForm form, Address address) {
        Map<String, Object> settings = new LinkedHashMap<>();
        for (String name : List.of("custom_fields", "default_payment_method", "footer", "rendering_options")) {
            settings.put(name, null);
        }
        return new Customer(Store.newId("cus"), "customer", Instant.now().getEpochSecond(), false, form.getEmail(),
                form.getName(), form.getDescription(), address, form.getMetadata(), settings);
    }
}

record Address(String city, String country, String line1, String line2, String postalCode, String state) {
    static Address of(Map<String, String> given) {
        return new Address(given.get("city"), given.get("country"), given.get("line1"), given.get("line2"),
                given.get("postal_code"), given.get("state"));
    }
}

record BillingDetails(Address address, String email, String name, String phone) {}

record Checks(String addressLine1Check, String addressPostalCodeCheck, String cvcCheck) {}

record Networks(List<String> available, String preferred) {}

record ThreeDSecureUsage(boolean supported) {}

record Card(
        String brand, String last4, String country, int expMonth, int expYear, String funding, String fingerprint,
        Checks checks, Networks networks, ThreeDSecureUsage threeDSecureUsage, Object wallet) {
    static final Map<String, List<String>> TOKENS = Map.of(
            "tok_visa", List.of("visa", "4242"), "tok_mastercard", List.of("mastercard", "4444"));
    static final Map<String, String> NUMBERS = Map.of("4242424242424242", "tok_visa", "5555555555554444", "tok_mastercard");

    static Card of(Map<String, String> given) {
        String token = given.getOrDefault("token", NUMBERS.getOrDefault(given.getOrDefault("number", ""), ""));
        List<String> known = TOKENS.get(token);
        if (known == null) {
            throw ApiException.of(400, "No such token: '" + token + "'", "resource_missing", "card[token]");
        }
        return new Card(known.get(0), known.get(1), "US", Integer.parseInt(given.getOrDefault("exp_month", "8")),
                Integer.parseInt(given.getOrDefault("exp_year", "2030")), "credit", Integer.toHexString(token.hashCode()),
                new Checks(null, null, "unchecked"), new Networks(List.of(known.get(0)), null), new ThreeDSecureUsage(true), null);
    }
}

record PaymentMethod(
        String id, String object, String allowRedisplay, BillingDetails billingDetails, Card card, long created,
        Object customer, boolean livemode, Map<String, String> metadata, String type) {
    static PaymentMethod of(PaymentMethodForm form, Map<String, String> details, Address address) {
        return new PaymentMethod(Store.newId("pm"), "payment_method", "unspecified",
                new BillingDetails(address, details.get("email"), details.get("name"), details.get("phone")),
                Card.of(form.getCard()), Instant.now().getEpochSecond(), null, false, form.getMetadata(), form.getType());
    }

    PaymentMethod withCustomer(Object newCustomer) {
        return new PaymentMethod(id, object, allowRedisplay, billingDetails, card, created, newCustomer, livemode, metadata, type);
    }
}

@Repository
class Store {
    private static final SecureRandom RANDOM = new SecureRandom();
    final Map<String, Customer> customers = new ConcurrentHashMap<>();
    final Map<String, PaymentMethod> paymentMethods = new ConcurrentHashMap<>();
    private final List<String> order = Collections.synchronizedList(new ArrayList<>());

    static String newId(String prefix) {
        byte[] bytes = new byte[12];
        RANDOM.nextBytes(bytes);
        return prefix + "_" + HexFormat.of().formatHex(bytes);
    }

    Customer customer(String id, int status) {
        Customer found = customers.get(id);
        if (found == null) {
            throw ApiException.of(status, "No such customer: '" + id + "'", "resource_missing", "customer");
        }
        return found;
    }

    PaymentMethod paymentMethod(String id) {
        PaymentMethod found = paymentMethods.get(id);
        if (found == null) {
            throw ApiException.of(404, "No such PaymentMethod: '" + id + "'", "resource_missing", "payment_method");
        }
        return found;
    }

    PaymentMethod save(PaymentMethod paymentMethod) {
        if (paymentMethods.put(paymentMethod.id(), paymentMethod) == null) {
            order.add(paymentMethod.id());
        }
        return paymentMethod;
    }

    List<PaymentMethod> of(String customer) {
        String[] ids = order.toArray(String[]::new);
        List<PaymentMethod> found = new ArrayList<>(Arrays.stream(ids).map(paymentMethods::get)
                .filter(each -> customer.equals(each.customer())).toList());
        Collections.reverse(found);
        return found;
    }
}
